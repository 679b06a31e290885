#!/usr/bin/env python3
"""Makes rows of review texts: words.py REVIEWS.csv[.gz] FOLDER

reviews.csv     id, age, words, length, topic, unhappy, delighted, recommends
test.csv        the same, every fourth review

`words` has a text's words and pairs of neighbouring words, each once and with its weight, such as "love:0.115|love_this:0.115". The
weights are 1 / sqrt(how many there are), so that long and short texts count alike. Columns are found by the names of Women's E-Commerce Clothing Reviews; change COLUMNS for
texts of your own.
"""

import csv
import gzip
import math
import os
import re
import sys

COLUMNS = {"age": "Age", "title": "Title", "text": "Review Text", "topic": "Department Name"}
RATING, RECOMMENDS = "Rating", "Recommended IND"
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[!?]")


def words(text):
    """Words and pairs of them, in the order in which they come, each once."""
    found = WORD.findall(text.lower().replace("\u2019", "'"))
    return list(dict.fromkeys(found + [f"{a}_{b}" for a, b in zip(found, found[1:])]))


def prepared(number, row):
    found = words(f"{row[COLUMNS['title']]} . {row[COLUMNS['text']]}")
    weight = f"{1 / math.sqrt(max(1, len(found))):.3f}"
    stars = int(row[RATING])
    topic, age = row[COLUMNS["topic"]], row[COLUMNS["age"]]
    cell = "|".join(f"{word}:{weight}" for word in found)
    return [number, age, cell, len(found), topic, int(stars <= 2), int(stars == 5), row[RECOMMENDS]]


def write(folder, name, rows):
    with open(os.path.join(folder, name), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "age", "words", "length", "topic", "unhappy", "delighted", "recommends"])
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    opened = gzip.open if source.endswith(".gz") else open
    with opened(source, "rt", newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {*COLUMNS.values(), RATING, RECOMMENDS} - set(reader.fieldnames or [])
        if missing:
            sys.exit(f"{source}: found no columns {sorted(missing)}")
        rows = [prepared(number, row) for number, row in enumerate(reader, start=1)]
    write(folder, "reviews.csv", [row for row in rows if row[0] % 4 != 0])
    write(folder, "test.csv", [row for row in rows if row[0] % 4 == 0])


if __name__ == "__main__":
    main()
