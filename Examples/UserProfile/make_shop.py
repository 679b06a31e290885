#!/usr/bin/env python3
"""Writes the logs of a made-up shop: make_shop.py FOLDER [--customers 4000] [--seed 1]

visits.csv      a line for each page a customer opened: user_id, at, page, category, device, seconds
purchases.csv   a line for each order: user_id, at, category, amount, status
customers.csv   what is known of a customer as of a time, and what came of it in the 30 days after: the labels
later.csv       the same of the last days for which labels are known: rows to judge by
today.csv       the customers to predict, as of the day after the logs' last, without labels

The logs have what logs have: guests without an id, devices and amounts that nobody wrote down, cancelled orders, ages of
999, a line with a broken time. Every customer has an interest, a way with money, and a day on which it stops coming;
none of these is written, but visits, carts and orders follow from them.
"""

import argparse
import os
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from draws import Draw, exponential, total, write

FIRST = datetime(2025, 1, 1)  # day 0
DAYS = 455  # the logs end on 2026-03-31
SNAPSHOTS = (150, 420)  # customers are looked at on days from here to there,
LATER = 390  # and from here on in later.csv
HORIZON = 30  # labels are of so many days after
CATEGORIES = ["garden", "kids", "kitchen", "music", "sports"]
PRICES = {"garden": 38.0, "kids": 22.0, "kitchen": 30.0, "music": 16.0, "sports": 45.0}
CHANNELS = ["search", "advert", "friend", "newsletter"]
COUNTRIES = ["DE", "FR", "GB", "NA", "US"]  # NA is Namibia
DEVICES = ["phone", "desktop", "tablet"]
DATES = [FIRST + timedelta(days=day) for day in range(DAYS + 1)]
SEASONS = [1.2 if date.month in (11, 12) else 1.0 for date in DATES]


def customer(draw, number):
    """What one customer is like; most of it is never written."""
    parent = draw.happens(0.35)
    age = min(85, max(18, int(41 + 13 * draw.normal() - (3 if parent else 0))))
    taste = [1.0, 3.0 if parent else 0.4, 1.0, 2.0 if age < 35 else 0.7, 1.5 if age < 50 else 0.6]
    interest = draw.one(CATEGORIES, taste)
    weights = [0.3 + draw.uniform() for _ in CATEGORIES]
    weights[CATEGORIES.index(interest)] += 4
    if parent:
        weights[CATEGORIES.index("kids")] += 1.5
    channel = draw.one(CHANNELS, [4, 3, 2, 1])
    loyal = draw.normal() + (0.6 if channel == "friend" else -0.5 if channel == "advert" else 0)
    country = draw.one(COUNTRIES, [5, 2, 2, 0.3, 3])
    return {
        "id": f"u{number:05d}",
        "parent": parent,
        "age": age,
        "interest": interest,
        "weights": weights,
        "channel": channel,
        "country": country,
        "device": draw.one(DEVICES, [6, 3, 1] if age < 45 else [3, 5, 2]),
        "joined": draw.whole(-150, 380),
        "rate": min(0.6, 0.11 * exponential(0.7 * draw.normal() + 0.15 * loyal)),  # visits a day
        "leaving": 0.0045 * exponential(-0.7 * loyal),  # a day
        "buying": min(0.6, 0.10 * exponential(0.6 * draw.normal() + (0.3 if country == "DE" else 0))),
        "purse": exponential(0.4 * draw.normal() + (age - 41) / 60),
        "newsletter": draw.happens(0.5 if loyal > 0 else 0.25),
    }


def live(draw, who, visits, purchases):
    """Writes one customer's days; returns the days with a visit, and the paid orders as (day, amount)."""
    came, paid = [], []
    interest, fading, wanting = 1.0, 0, 0
    for day in range(max(0, who["joined"]), DAYS):
        # Those who leave come less and less for some weeks; one in a thousand days brings one back.
        if fading == 0 and draw.happens(who["leaving"]):
            fading = 1
        elif fading > 0:
            fading += 1
            if fading > 60 and draw.happens(0.001):
                fading, interest = 0, 1.0
        if fading > 0:
            interest = max(0.01, 1 - fading / 35)
        wanting = max(0, wanting - 1)
        first = day == who["joined"]
        chance = who["rate"] * interest * SEASONS[day] * (2.5 if wanting else 1)
        if not (first or draw.happens(min(0.9, chance))):
            continue
        date = DATES[day]
        came.append(day)
        minute = draw.whole(7 * 60, 22 * 60)
        device = who["device"] if draw.happens(0.85) else draw.one(DEVICES)
        category = draw.one(CATEGORIES, who["weights"])
        pages = 1 + draw.whole(0, 2)
        buys = draw.happens(min(0.9, who["buying"] * (3.5 if wanting else 1)))
        cart = buys or draw.happens(0.08 + 0.6 * who["buying"])
        for page in range(pages):
            at = date + timedelta(minutes=minute + 2 * page)
            kind = "cart" if cart and page == pages - 1 else "search" if draw.happens(0.2) else "item"
            visits.append(
                [
                    "" if draw.happens(0.03) else who["id"],  # not signed in
                    at.strftime("%Y-%m-%d %H:%M"),
                    kind,
                    category if kind != "search" or draw.happens(0.5) else "",
                    "" if draw.happens(0.12) else device,
                    "" if draw.happens(0.15) else 5 + int(90 * draw.uniform() * draw.uniform()),
                ]
            )
        if cart and not buys:
            wanting = 12
        if buys:
            wanting = 0
            amount = PRICES[category] * who["purse"] * exponential(0.4 * draw.normal())
            cancelled = draw.happens(0.05)
            known = not draw.happens(0.02)
            at = date + timedelta(minutes=minute + 2 * pages + 1)
            purchases.append(
                [
                    who["id"],
                    at.strftime("%Y-%m-%d %H:%M"),
                    category,
                    f"{amount:.2f}" if known else "n/a",
                    "cancelled" if cancelled else "paid",
                ]
            )
            if not cancelled:
                paid.append((day, amount if known else 0.0))
    return came, paid


def profile(who, day):
    """What the shop knows of a customer as of a day."""
    known = who["known"]
    return [
        who["id"],
        DATES[day].strftime("%Y-%m-%d"),
        known["age"],
        who["country"],
        known["channel"],
        "yes" if who["newsletter"] else "no",
        day - who["joined"],
    ]


def outcome(who, day, came, paid):
    """What came of it: from the day on, for 30 days."""
    spend = total(amount for at, amount in paid if day <= at < day + HORIZON)
    returned = any(day <= at < day + HORIZON for at in came)
    return [
        who["known"]["interest"],
        who["known"]["parent"],
        int(any(day <= at < day + HORIZON for at, _ in paid)),
        int(not returned),
        f"{spend:.2f}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = Draw(options.seed)
    visits, purchases, rows, later, today = [], [], [], [], []
    for number in range(1, options.customers + 1):
        who = customer(draw, number)
        answered = draw.happens(0.4)  # a questionnaire
        who["known"] = {
            "age": "" if draw.happens(0.25) else 999 if draw.happens(0.01) else who["age"],
            "channel": "" if draw.happens(0.1) else who["channel"],
            "interest": (who["interest"] if draw.happens(0.95) else draw.one(CATEGORIES)) if answered else "",
            "parent": ("yes" if who["parent"] else "no") if answered else "",
        }
        came, paid = live(draw, who, visits, purchases)
        # A customer is looked at up to six times, on days of its own, if it was there in the 90 days before.
        for day in sorted(draw.whole(*SNAPSHOTS) for _ in range(6)):
            if any(day - 90 <= at < day for at in came):
                (rows if day < LATER else later).append(profile(who, day) + outcome(who, day, came, paid))
        if any(DAYS - 90 <= at for at in came):
            today.append(profile(who, DAYS))
    for log in (visits, purchases):
        log.sort(key=lambda row: row[1])
    for table in (rows, later):
        table.sort(key=lambda row: (row[1], row[0]))
    rows[len(rows) // 3][1] = "2025-13-07"  # somebody typed this one
    columns = ["user_id", "as_of", "age", "country", "channel", "newsletter", "customer_days"]
    write(options.folder, "visits.csv", ["user_id", "at", "page", "category", "device", "seconds"], visits)
    write(options.folder, "purchases.csv", ["user_id", "at", "category", "amount", "status"], purchases)
    labels = ["interest", "parent", "buys", "churns", "spend"]
    write(options.folder, "customers.csv", columns + labels, rows)
    write(options.folder, "later.csv", columns + labels, later)
    write(options.folder, "today.csv", columns, today)


if __name__ == "__main__":
    main()
