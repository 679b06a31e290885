"""Writes `events.tfevents`: two epochs as TensorBoard's own package writes them.

    python -m venv venv && venv/bin/pip install tensorboard==2.21.0
    venv/bin/python Tests/MTLDataTests/Fixtures/make_events_golden.py
"""

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

BEGUN = 1700000000.0
EPOCHS = [
    (10, 2.0, {"watched loss": 0.75, "epoch": 1, "training/click loss": 0.7, "training/spend loss": 1.5,
               "validation/click loss": 0.6875, "validation/spend loss": 1.25, "validation/click AUC": 0.625}),
    (300, 5.5, {"watched loss": 0.5, "epoch": 2, "training/click loss": 0.1, "validation/click loss": 0.3,
                "validation/spend loss": 1.125, "validation/click AUC": 0.875}),
]

with open(Path(__file__).with_name("events.tfevents"), "wb") as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=BEGUN, file_version="brain.Event:2").SerializeToString())
    for step, seconds, scalars in EPOCHS:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        writer.write(Event(wall_time=BEGUN + seconds, step=step, summary=Summary(value=values)).SerializeToString())
