"""Writes `events.tfevents`: two epochs as TensorBoard's own package writes them.

    python -m venv venv && venv/bin/pip install tensorboard==2.21.0
    venv/bin/python Tests/MTLDataTests/Fixtures/make_events_golden.py
"""

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
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
        if step == 300:
            # -1, 0.25, 0.5, 2: thirty buckets of 0.1.
            buckets = [0.0] * 30
            for place in (0, 12, 15, 29):
                buckets[place] = 1
            limits = [-1 + (place + 1) * (3 / 30) for place in range(29)] + [2]
            values.append(Summary.Value(tag="parameters/trunk.0.bias", histo=HistogramProto(
                min=-1, max=2, num=4, sum=1.75, sum_squares=5.3125, bucket_limit=limits, bucket=buckets)))
        writer.write(Event(wall_time=BEGUN + seconds, step=step, summary=Summary(value=values)).SerializeToString())
