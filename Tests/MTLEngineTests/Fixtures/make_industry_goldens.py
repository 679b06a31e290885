"""Write the PyTorch goldens of ways of sharing that large sellers' own configurations have, in the format of scenario_*.

Every model is the paper's formulas, written out task by task and expert by expert.
"""

from functools import partial

import torch
from make_graph_goldens import D, TASKS, Stack, heads, mix, write_all
from make_scenario_goldens import ROWS, write
from torch import nn

OWNERS = (*TASKS, "shared")
# The engine goes through the tasks grouped by equal heads.
ORDER = ("click", "buy", "spend")


class STEM(nn.Module):
    """A table per task beside the shared one; a gate sees all experts, and detaches the other tasks'."""

    def __init__(self, own, shared):
        super().__init__()
        width = D + sum(shape[1] for shape in ROWS.values())
        self.embeddings = nn.ModuleDict(
            {o: nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()}) for o in OWNERS}
        )
        counts = {o: shared if o == "shared" else own for o in OWNERS}
        self.experts = nn.ModuleDict({o: nn.ModuleList(Stack(width, 6, 5) for _ in range(counts[o])) for o in OWNERS})
        self.gates = nn.ModuleDict({t: Stack(width, 4, own * len(TASKS) + shared, plain=1) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s, ids):
        inputs = {
            o: torch.cat([x] + [self.embeddings[o][name](ids[name]) for name in ROWS], dim=1) for o in OWNERS
        }
        outputs = {o: [expert(inputs[o]) for expert in self.experts[o]] for o in OWNERS}
        logits = []
        for t in TASKS:
            others = [expert.detach() for u in ORDER if u != t for expert in outputs[u]]
            gate = self.gates[t](inputs[t] + inputs["shared"])
            logits.append(self.heads[t](mix(gate, outputs[t] + outputs["shared"] + others)))
        return logits


def main():
    cases = {
        "stem": lambda: STEM(1, 1),
        "stem_many": lambda: STEM(2, 3),
    }
    write_all(cases, partial(write, family="industry"), 700)


if __name__ == "__main__":
    main()
