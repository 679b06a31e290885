#!/usr/bin/env python3
"""Judges predictions of spend beside simple ones: baselines.py FOLDER PREDICTIONS

FOLDER is what prepare_cdnow.py wrote; PREDICTIONS come of mtl predict cdnow.safetensors test.csv --keep customer. Beside them stand
the mean of the training rows, what the customer spent in the 182 days before, its rate of spending since its first purchase
and, where the package `lifetimes` is installed, BG/NBD for how often a customer comes times Gamma-Gamma for what it pays,
fitted on all purchases before the day of the test.
"""

import csv
import sys
from datetime import date, timedelta

DAY, HORIZON = date(1997, 12, 31), 182


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ranks(values):
    """Ranks from 0, equal values sharing their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for index in order[start:end]:
            result[index] = (start + end - 1) / 2
        start = end
    return result


def area(predicted, real):
    """AUC of paying anything."""
    ordered = ranks(predicted)
    paid = [rank for rank, value in zip(ordered, real) if value > 0]
    others = len(real) - len(paid)
    return (sum(paid) - len(paid) * (len(paid) - 1) / 2) / (len(paid) * others)


def judge(name, predicted, real):
    count, total = len(real), sum(real)
    rmse = (sum((p - y) ** 2 for p, y in zip(predicted, real)) / count) ** 0.5
    mae = sum(abs(p - y) for p, y in zip(predicted, real)) / count
    best = sorted(range(count), key=lambda index: -predicted[index])[: count // 10]
    constant = min(predicted) == max(predicted)
    paying = "-" if constant else f"{area(predicted, real):.3f}"
    share = "-" if constant else f"{sum(real[index] for index in best) / total:.1%}"
    print(f"{name:<32}{rmse:>7.2f}{mae:>8.2f}{paying:>10}{sum(predicted) / total:>12.2f}{share:>14}")


def from_lifetimes(log, customers):
    """BG/NBD times Gamma-Gamma; None where the package is not there."""
    try:
        import pandas
        from lifetimes import BetaGeoFitter, GammaGammaFitter
        from lifetimes.utils import summary_data_from_transaction_data
    except ImportError:
        return None
    past = pandas.DataFrame([row for row in log if row["at"] < DAY.isoformat()])
    past["at"], past["amount"] = pandas.to_datetime(past["at"]), past["amount"].astype(float)
    summary = summary_data_from_transaction_data(
        past, "customer", "at", "amount", observation_period_end=DAY.isoformat()
    )
    visits = BetaGeoFitter(penalizer_coef=0.0).fit(summary["frequency"], summary["recency"], summary["T"])
    expected = visits.conditional_expected_number_of_purchases_up_to_time(
        HORIZON, summary["frequency"], summary["recency"], summary["T"]
    )
    again = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
    amounts = GammaGammaFitter(penalizer_coef=0.0).fit(again["frequency"], again["monetary_value"])
    mean = amounts.conditional_expected_average_profit(summary["frequency"], summary["monetary_value"])
    value = (expected * mean).to_dict()
    return [value[customer] for customer in customers]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, predictions = sys.argv[1:]
    log, test = table(f"{folder}/purchases.csv"), table(f"{folder}/test.csv")
    customers, real = [row["customer"] for row in test], [float(row["spend"]) for row in test]
    train = [float(row["spend"]) for row in table(f"{folder}/train.csv")]
    recent, everything, first = {}, {}, {}
    for row in log:
        when = date.fromisoformat(row["at"])
        if when < DAY:
            customer, amount = row["customer"], float(row["amount"])
            first[customer] = min(first.get(customer, when), when)
            everything[customer] = everything.get(customer, 0.0) + amount
            if when >= DAY - timedelta(days=HORIZON):
                recent[customer] = recent.get(customer, 0.0) + amount
    model = table(predictions)
    if [row["customer"] for row in model] != customers:
        sys.exit(f"{predictions}: found other customers than in test.csv, expected those, in their order")
    print(f"{'prediction':<32}{'RMSE':>7}{'MAE':>8}{'AUC':>10}{'sum / real':>12}{'best tenth':>14}")
    judge("mean of the training rows", [sum(train) / len(train)] * len(real), real)
    judge("the 182 days before", [recent.get(customer, 0.0) for customer in customers], real)
    rate = [everything[customer] / (DAY - first[customer]).days * HORIZON for customer in customers]
    judge("rate since the first purchase", rate, real)
    lifetimes = from_lifetimes(log, customers)
    if lifetimes is None:
        print("BG/NBD x Gamma-Gamma: pip install lifetimes")
    else:
        judge("BG/NBD x Gamma-Gamma", lifetimes, real)
    judge("mtl", [float(row["spend"]) for row in model], real)


if __name__ == "__main__":
    main()
