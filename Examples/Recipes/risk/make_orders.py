#!/usr/bin/env python3
"""Writes orders of a made-up shop that sells on invoice: make_orders.py FOLDER [--orders 40000] [--seed 1]

orders.csv      an order, what was known when it came in, and what came of it; the earlier nine tenths
later.csv       the last tenth

fraud           the name was not the orderer's: nothing will be paid (about 1.4 %)
defaults        not paid 90 days after it was due (about 5 %); blank where it was fraud, of which nothing can be learned about payers
churns          no further order within 90 days; blank where it was fraud
"""

import argparse
import os
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from draws import Draw, exponential, sigmoid, write

FIRST = datetime(2023, 1, 1)
MINUTES = 3 * 365 * 24 * 60
GOODS = ["books", "clothes", "phones", "shoes", "toys"]
PRICE = {"books": 25, "clothes": 70, "phones": 420, "shoes": 95, "toys": 40}
EMAILS = ["freemail", "provider", "company", "throwaway"]
DEVICES = ["phone", "desktop", "tablet"]


def order(draw, at):
    """The cells of one order."""
    thief = draw.happens(0.013)
    clumsy = thief and draw.happens(0.6)  # the others know what an honest order looks like
    prudence, purse = draw.normal(), draw.normal()
    new = draw.happens(0.8 if clumsy else 0.5 if thief else 0.3)
    orders = 0 if new else 1 + int(4 * draw.uniform() * draw.uniform() * exponential(0.4 * draw.normal()))
    late = sum(draw.happens(sigmoid(-2.2 - 1.1 * prudence)) for _ in range(min(orders, 8)))
    days = "" if new else draw.whole(3, 60 if orders > 2 else 300)
    goods = draw.one(GOODS, [2, 3, 4, 3, 1] if thief else [4, 5, 1, 3, 3])
    amount = PRICE[goods] * exponential(0.5 * draw.normal() + (0.3 if thief else 0.15 * purse))
    email = draw.one(EMAILS, [5, 1, 0.5, 4] if clumsy else [6, 3, 1.5, 0.3])
    hour = draw.whole(0, 6) if draw.happens(0.4 if clumsy else 0.08) else draw.whole(7, 23)
    elsewhere = draw.happens(0.6 if clumsy else 0.12)
    attempts = 1 + sum(draw.happens(0.25 if clumsy else 0.05) for _ in range(4))
    seconds = max(8, int((100 if clumsy else 240) * exponential(0.6 * draw.normal())))
    score = "" if draw.happens(0.3) else int(540 + 55 * prudence + 25 * purse + 30 * draw.normal())
    age = "" if draw.happens(0.15) else min(85, max(18, int(40 + 5 * prudence + 12 * draw.normal())))
    installments = draw.one([1, 3, 6, 12], [6, 2, 1, 1] if amount < 100 else [3, 2, 2, 2])
    fails = sigmoid(
        -4.1 - 1.2 * prudence - 0.3 * purse + 0.5 * late + 0.06 * installments + min(amount, 900) / 500
    )
    leaves = sigmoid(
        0.4 - 0.45 * min(orders, 6) + (0 if new else days / 150) + (0.4 if goods == "phones" else 0)
        + 0.5 * draw.normal()
    )
    fraud = int(thief)
    cells = [
        f"{amount:.2f}", goods, installments, hour, draw.one(DEVICES, [5, 4, 1]), email, int(elsewhere), attempts,
        seconds, orders, days, late, score, age,
    ]
    outcome = [fraud, "", ""] if thief else [fraud, int(draw.happens(fails)), int(draw.happens(leaves))]
    return [at.strftime("%Y-%m-%d %H:%M")] + cells + outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--orders", type=int, default=40000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = Draw(options.seed)
    minutes = sorted(draw.whole(0, MINUTES - 1) for _ in range(options.orders))
    rows = [
        [f"o{number:06d}"] + order(draw, FIRST + timedelta(minutes=minute))
        for number, minute in enumerate(minutes, start=1)
    ]
    header = ["order", "at", "amount", "goods", "installments", "hour", "device", "email", "ships_elsewhere", "attempts"]
    header += ["seconds_on_page", "orders_before", "days_since_order", "paid_late", "bureau_score", "age"]
    header += ["fraud", "defaults", "churns"]
    cut = len(rows) * 9 // 10
    write(options.folder, "orders.csv", header, rows[:cut])
    write(options.folder, "later.csv", header, rows[cut:])


if __name__ == "__main__":
    main()
