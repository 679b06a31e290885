#!/usr/bin/env python3
"""What orders cost by where they are refused: costs.py ORDERS.csv PREDICTIONS.csv [--margin 0.2] [--recovered 0.4]

ORDERS has amounts and what came of them, PREDICTIONS come of mtl predict, in the same order. An order that is let through earns
its margin; a fraud costs its goods, a default what is not recovered. Refused orders earn nothing and cost nothing.
"""

import argparse
import csv


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("orders")
    parser.add_argument("predictions")
    parser.add_argument("--margin", type=float, default=0.2, help="of the amount")
    parser.add_argument("--recovered", type=float, default=0.4, help="of a default's goods")
    options = parser.parse_args()
    orders, predicted = table(options.orders), table(options.predictions)
    if len(orders) != len(predicted):
        raise SystemExit(f"found {len(predicted)} predictions, expected {len(orders)}")

    goods, lost = 1 - options.margin, (1 - options.margin) * (1 - options.recovered)

    def earned(order):
        amount = float(order["amount"])
        if order["fraud"] == "1":
            return -goods * amount
        return -lost * amount if order["defaults"] == "1" else options.margin * amount

    def expected(row):
        """Of an amount of 1; `defaults` is of orders that are no fraud."""
        fraud, default = float(row["fraud"]), float(row["defaults"])
        return -goods * fraud + (1 - fraud) * (-lost * default + options.margin * (1 - default))

    def say(name, lets_through):
        kept = [order for order, row in zip(orders, predicted) if lets_through(row)]
        print(f"{name:<44}{1 - len(kept) / len(orders):>9.1%}{sum(map(earned, kept)):>12.0f}")

    print(f"{'rule':<44}{'refused':>9}{'earned':>12}")
    say("let everything through", lambda row: True)
    say("refuse a fraud of one half and more", lambda row: float(row["fraud"]) < 0.5)
    say("refuse what is expected to lose money", lambda row: expected(row) > 0)
    real = sum(max(0, earned(order)) for order in orders)
    print(f"{'refuse just what did lose money':<44}{'':>9}{real:>12.0f}")
    best = max((sum(earned(o) for o, r in zip(orders, predicted) if float(r["fraud"]) < t / 1000), t) for t in range(5, 1001, 5))
    print(f"{'the best limit of fraud alone, in hindsight':<44}{best[1] / 1000:>9.3f}{best[0]:>12.0f}")


if __name__ == "__main__":
    main()
