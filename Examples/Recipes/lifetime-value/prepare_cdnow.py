#!/usr/bin/env python3
"""Makes rows and a log of CDNOW's purchases: prepare_cdnow.py CDNOW_master.txt FOLDER

purchases.csv   customer, at, cds, amount: a line for each purchase, of 1997-01-01 to 1998-06-30
train.csv       customer, as_of, returns, orders, spend: customers as of days up to 1997-07-01, and whether they came back, how often and
                what they spent in the 182 days from then on, which are over before the day of the test
test.csv        the same as of 1997-12-31, for the 182 days to 1998-06-30

A customer is there from the day after its first purchase on. Purchases of one day become one.
"""

import csv
import os
import sys
from datetime import date, timedelta

HORIZON = timedelta(days=182)
TRAINING_DAYS = [date(1997, month, 1) for month in (4, 5, 6, 7)]
TEST_DAY = date(1997, 12, 31)


def purchases(path):
    """Per customer its days with a purchase, as {day: [discs, dollars]}."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            cells = line.split()
            if len(cells) != 4 or not cells[0].isdigit():
                if number > 1:
                    sys.exit(f"{path}, line {number}: found {len(cells)} cells, expected 4")
                continue
            customer, day, discs, dollars = cells
            when = date(int(day[:4]), int(day[4:6]), int(day[6:]))
            total = found.setdefault(customer, {}).setdefault(when, [0, 0.0])
            total[0] += int(discs)
            total[1] += float(dollars)
    return found


def rows(customers, days):
    for day in days:
        for customer, bought in customers.items():
            if min(bought) < day:
                paid = [dollars for when, (_, dollars) in bought.items() if day <= when < day + HORIZON]
                yield [customer, day.isoformat(), int(bool(paid)), len(paid), f"{sum(paid):.2f}"]


def write(path, header, lines):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        count = 0
        for line in lines:
            writer.writerow(line)
            count += 1
    print(f"{os.path.basename(path)}: {count} rows")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    customers = purchases(source)
    log = [
        [customer, when.isoformat(), discs, f"{dollars:.2f}"]
        for customer, bought in customers.items()
        for when, (discs, dollars) in sorted(bought.items())
    ]
    write(os.path.join(folder, "purchases.csv"), ["customer", "at", "cds", "amount"], log)
    header = ["customer", "as_of", "returns", "orders", "spend"]
    write(os.path.join(folder, "train.csv"), header, rows(customers, TRAINING_DAYS))
    write(os.path.join(folder, "test.csv"), header, rows(customers, [TEST_DAY]))


if __name__ == "__main__":
    main()
