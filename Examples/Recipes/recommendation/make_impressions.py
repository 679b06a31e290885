#!/usr/bin/env python3
"""Writes what a made-up shop showed, and what came of it: make_impressions.py FOLDER [--sessions 12000] [--seed 1]

shown.csv       an article that was shown to somebody in a session, and whether it was clicked, put into the cart, bought; the
                earlier five sixths
later.csv       the last sixth

Articles are shown in four places, the scenarios: the start page, the search, beside another article, and in a letter, which is
rare. What is bought was in the cart before, and what is in the cart was clicked before.
"""

import argparse
import os
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from draws import Draw, exponential, sigmoid, write

FIRST = datetime(2026, 1, 1)
DAYS = 60
PLACES = ["start", "search", "beside", "letter"]
SHARES = [0.55, 0.28, 0.14, 0.03]
CATEGORIES = ["bags", "boots", "coats", "dresses", "jeans", "shirts", "socks", "watches"]
# What a place adds to the logit of a click, of a cart after it, and of an order after that.
OFFSETS = {"start": (-2.7, -1.6, -0.6), "search": (-1.7, -1.1, -0.2), "beside": (-2.2, -1.8, -0.7), "letter": (-2.9, -0.9, 0.2)}
# What taste and price weigh in a click there.
TASTE = {"start": 1.0, "search": 0.35, "beside": 0.8, "letter": 1.5}
PRICE = {"start": 0.25, "search": 0.7, "beside": 0.3, "letter": 0.1}


def article(draw, number):
    category = draw.whole(0, len(CATEGORIES) - 1)
    return {
        "id": f"a{number:03d}",
        "category": category,
        "price": 12 * exponential(0.25 * category + 0.5 * draw.normal()),
        "dear": draw.normal(),  # for its kind
        "appeal": 0.6 * draw.normal(),
        "stars": "" if draw.happens(0.2) else min(50, max(10, int(38 + 6 * draw.normal()))) / 10,
        "fits": draw.normal(),  # whether those who clicked take it
    }


def person(draw, number):
    favourite = draw.whole(0, len(CATEGORIES) - 1)
    return {
        "id": f"p{number:05d}",
        "favourite": favourite,
        "second": draw.whole(0, len(CATEGORIES) - 1),
        "saves": draw.normal(),
        "keen": 0.5 * draw.normal(),
        "device": draw.one(["phone", "desktop"], [7, 3]),
        "age": "" if draw.happens(0.3) else draw.one(["18-29", "30-44", "45-59", "60+"]),
        "viewed": [],
    }


def session(draw, number, at, who, articles):
    place = draw.one(PLACES, SHARES)
    first, second, third = OFFSETS[place]
    sought = who["favourite"] if draw.happens(0.5) else draw.whole(0, len(CATEGORIES) - 1)
    viewed = "|".join(CATEGORIES[index] for index in who["viewed"][-10:])
    rows = []
    for position in range(1, draw.whole(4, 8) + 1):
        thing = articles[int(draw.uniform() * len(articles))]
        while place == "search" and thing["category"] != sought:
            thing = articles[int(draw.uniform() * len(articles))]
        liking = 1.0 if thing["category"] == who["favourite"] else 0.5 if thing["category"] == who["second"] else -0.3
        dear = thing["dear"] * (0.6 + 0.5 * who["saves"])
        click = first + 1.5 * TASTE[place] * liking + thing["appeal"] + who["keen"] - PRICE[place] * dear - 0.12 * position
        cart = second + 0.6 * liking + 0.6 * thing["fits"] - 0.5 * dear
        order = third + 0.4 * thing["fits"] + 0.6 * who["keen"] - (0.5 if who["device"] == "phone" else 0)
        clicked = draw.happens(sigmoid(click))
        carted = clicked and draw.happens(sigmoid(cart))
        bought = carted and draw.happens(sigmoid(order))
        if clicked:
            who["viewed"].append(thing["category"])
        rows.append(
            [
                f"s{number:05d}", at.strftime("%Y-%m-%d %H:%M"), place, who["id"], who["device"], who["age"], viewed,
                thing["id"], CATEGORIES[thing["category"]], f"{thing['price'] * exponential(0.3 * thing['dear']):.2f}",
                thing["stars"], position, int(clicked), int(carted), int(bought),
            ]
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--sessions", type=int, default=12000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = Draw(options.seed)
    articles = [article(draw, number) for number in range(1, 201)]
    people = [person(draw, number) for number in range(1, 801)]
    minutes = sorted(draw.whole(0, DAYS * 1440 - 1) for _ in range(options.sessions))
    rows = []
    for number, minute in enumerate(minutes, start=1):
        who = people[int(draw.uniform() * len(people))]
        rows.append(session(draw, number, FIRST + timedelta(minutes=minute), who, articles))
    cut = options.sessions * 5 // 6
    header = ["session", "at", "place", "person", "device", "age", "viewed", "article", "category", "price", "stars"]
    header += ["position", "click", "cart", "buy"]
    write(options.folder, "shown.csv", header, [row for part in rows[:cut] for row in part])
    write(options.folder, "later.csv", header, [row for part in rows[cut:] for row in part])


if __name__ == "__main__":
    main()
