"""Write rate_schedules.json: the learning rates that torch.optim.lr_scheduler gives an optimiser of rate 1."""

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as schedulers

HERE = Path(__file__).resolve().parent
TOTAL = 40
LOSSES = [3, 2.5, 2.4999, 2.6, 2.5, 2.4, 2.41, 2.42, 2.43, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 1.9, float("nan"), 2, 2, 2]


def rates(make, steps=TOTAL):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def warmed(n, make):
    def build(optimizer):
        warm = schedulers.LinearLR(optimizer, start_factor=1 / (n + 1), total_iters=n)
        return schedulers.SequentialLR(optimizer, [warm, make(optimizer)], milestones=[n])

    return build


def plateau():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedulers.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=2, threshold=1e-2, min_lr=0.05
    )
    found = []
    for loss in LOSSES:
        scheduler.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def main():
    one_cycle = lambda o: schedulers.OneCycleLR(  # noqa: E731
        o, max_lr=1.0, total_steps=TOTAL, pct_start=0.3, div_factor=25, final_div_factor=1e4, cycle_momentum=False
    )
    golden = {
        "total": TOTAL,
        "constant": rates(lambda o: schedulers.LambdaLR(o, lambda step: 1.0)),
        "exponential": rates(lambda o: schedulers.ExponentialLR(o, 0.97)),
        "exponential_every": rates(lambda o: schedulers.LambdaLR(o, lambda step: 0.5 ** (step / 7))),
        "step": rates(lambda o: schedulers.StepLR(o, step_size=7, gamma=0.5)),
        "milestones": rates(lambda o: schedulers.MultiStepLR(o, milestones=[5, 9, 31], gamma=0.2)),
        "cosine": rates(lambda o: schedulers.CosineAnnealingLR(o, T_max=TOTAL, eta_min=0.1)),
        "linear": rates(lambda o: schedulers.LinearLR(o, 1.0, 0.2, total_iters=TOTAL)),
        "one_cycle": rates(one_cycle, TOTAL - 1)
        # The scheduler refuses a step behind its last.
        + [one_cycle_last(one_cycle)],
        "warm_constant": rates(warmed(6, lambda o: schedulers.ConstantLR(o, 1.0))),
        "warm_cosine": rates(warmed(6, lambda o: schedulers.CosineAnnealingLR(o, T_max=TOTAL - 6, eta_min=0.1))),
        "warm_step": rates(warmed(3, lambda o: schedulers.StepLR(o, step_size=7, gamma=0.5))),
        "losses": [None if loss != loss else loss for loss in LOSSES],
        "plateau": plateau(),
    }
    (HERE / "rate_schedules.json").write_text(json.dumps(golden, indent=1) + "\n")


def one_cycle_last(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    for _ in range(TOTAL - 1):
        optimizer.step()
        scheduler.step()
    return optimizer.param_groups[0]["lr"]


if __name__ == "__main__":
    main()
