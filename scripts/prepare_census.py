"""Turns the raw Census-Income (KDD) files into CSVs with a header and 0/1 labels: prepare_census.py SOURCE TARGET.

Labels: income (> 50K), never_married, college (a bachelor's degree or more). Left out: the instance weight, the
columns that the labels are read from (but for education, which the first two tasks may use), and the household
columns, which would give marital status away.
"""

import csv
import os
import sys

COLUMNS = """age class_of_worker industry_code occupation_code education wage_per_hour enrolled_in_education
marital_status major_industry major_occupation race hispanic_origin sex labor_union unemployment_reason
employment_status capital_gains capital_losses dividends tax_filer_status previous_region previous_state
household_detail household_summary instance_weight migration_msa migration_region migration_within_region
same_house_a_year_ago migration_sunbelt employer_size family_under_18 father_birthplace mother_birthplace
birthplace citizenship own_business veterans_questionnaire veterans_benefits weeks_worked year income""".split()

LEFT_OUT = {"instance_weight", "marital_status", "household_detail", "household_summary", "income"}
LABELS = ["income", "never_married", "college"]
KEPT = [name for name in COLUMNS if name not in LEFT_OUT]
COLLEGE = (
    "Bachelors degree(BA AB BS)",
    "Masters degree(MA MS MEng MEd MSW MBA)",
    "Prof school degree (MD DDS DVM LLB JD)",
    "Doctorate degree(PhD EdD)",
)
INCOMES = {"- 50000.": 0, "50000+.": 1}


def rows(path):
    """The rows of a raw file as dictionaries."""
    with open(path, newline="", encoding="utf-8") as file:
        for line, cells in enumerate(csv.reader(file, skipinitialspace=True), start=1):
            if len(cells) != len(COLUMNS):
                sys.exit(f"{path}, line {line}: found {len(cells)} fields, expected {len(COLUMNS)}")
            row = dict(zip(COLUMNS, (cell.strip() for cell in cells)))
            if row["income"] not in INCOMES:
                sys.exit(f"{path}, line {line}: found income {row['income']!r}, expected one of {list(INCOMES)}")
            yield row


def labels(row):
    return [
        INCOMES[row["income"]],
        int(row["marital_status"] == "Never married"),
        int(row["education"] in COLLEGE),
    ]


def convert(source, target):
    """Writes one prepared file and says what it holds; nothing is left under the name before it is whole."""
    count, sums = 0, [0, 0, 0]
    partial = target + ".partial"
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(KEPT + LABELS)
        for row in rows(source):
            values = labels(row)
            writer.writerow([row[name] for name in KEPT] + values)
            count += 1
            sums = [a + b for a, b in zip(sums, values)]
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, target)
    shares = ", ".join(f"{name} {100 * total / count:.1f} %" for name, total in zip(LABELS, sums))
    print(f"{target}: {count:,} rows; {shares}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:]
    os.makedirs(target, exist_ok=True)
    for part in ("train", "test"):
        convert(os.path.join(source, f"census_income_1994_1995_{part}.csv"), os.path.join(target, f"{part}.csv"))
