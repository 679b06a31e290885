"""Public tables, cleaned and split as `mtl` and its peers are to read them: one split for all tasks of a set, no task sees another's label.

Where the files are, and under which licences, is said beside them; none is part of this repository. Dropped columns are outcomes, or parts of a label.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy
import pandas
from sklearn.model_selection import GroupShuffleSplit, train_test_split


@dataclass
class TableSet:
    name: str
    train: pandas.DataFrame
    test: pandas.DataFrame
    tasks: list
    # Columns of codes, which boosting and regression are told are categories; `mtl init` judges for itself.
    codes: tuple = ()


def text(frame):
    """Text without blanks around it."""
    return frame.apply(lambda column: column.str.strip() if column.dtype == object or str(column.dtype).startswith("str") else column)


def read(path, **options):
    return text(pandas.read_csv(path, encoding="utf-8-sig", skipinitialspace=True, **options).rename(columns=str.strip))


def split_at_random(frame, tasks):
    train, test = train_test_split(range(len(frame)), test_size=0.25, random_state=1, stratify=frame[tasks[0]])
    return frame.iloc[train], frame.iloc[test]


def split_by_time(frame):
    cut = int(0.75 * len(frame))
    return frame.iloc[:cut], frame.iloc[cut:]


def split_by_person(frame, columns):
    person = frame[columns].fillna("").astype(str).agg("|".join, axis=1)
    train, test = next(GroupShuffleSplit(1, test_size=0.25, random_state=1).split(frame, groups=person))
    return frame.iloc[train], frame.iloc[test]


def made(name, frame, labels, drop, split, codes=()):
    """A set whose labels are columns of 0 and 1 at the end."""
    kept = frame.drop(columns=[column for column in drop if column in frame])
    for label, values in labels.items():
        kept = kept.drop(columns=[label], errors="ignore")
        kept[label] = numpy.asarray(values).astype(int)
    tasks = list(labels)
    return TableSet(name, *split(kept, tasks), tasks, codes)


def adult(folder):
    frame = read(folder / "adult/adult.csv.gz", na_values=["?"])
    labels = {"income50": frame.Y.str.startswith(">"), "never_married": frame["marital-status"] == "Never-married"}
    return made("adult", frame, labels, ["Y", "marital-status", "relationship"], split_at_random)


def bank(folder):
    frame = read(folder / "bank_marketing/bank_marketing.csv.gz", sep=";")
    labels = {"subscribed": frame.y == "yes", "long_call": frame.duration >= 300}
    return made("bank marketing", frame, labels, ["y", "duration"], split_at_random)


def credit(folder):
    frame = read(folder / "credit_default/credit_default.csv.gz")
    labels = {"default": frame["default.payment.next.month"], "late": frame.PAY_1 > 0}
    drop = ["ID", "PAY_1", "BILL_AMT1", "PAY_AMT1", "default.payment.next.month"]
    return made("credit default", frame, labels, drop, split_at_random, ("SEX", "EDUCATION", "MARRIAGE"))


def telco(folder):
    frame = read(folder / "telco_churn/telco_churn.csv.gz")
    frame["TotalCharges"] = pandas.to_numeric(frame.TotalCharges, errors="coerce")
    labels = {name: frame[name].isin(["Yes", 1]) for name in ("Churn", "SeniorCitizen", "Partner", "Dependents")}
    return made("telco churn", frame, labels, ["customerID"], split_at_random)


def german(folder):
    frame = read(folder / "german_credit/german_credit.csv.gz")
    return made("german credit", frame, {"bad": frame["class"] == 2}, ["class"], split_at_random)


def coupon(folder):
    frame = read(folder / "coupon/coupon.csv.gz", sep=";")
    person = "gender age maritalStatus has_children education occupation income car Bar CoffeeHouse CarryAway RestaurantLessThan20 Restaurant20To50".split()
    return made("coupons, by person", frame, {"accepted": frame.Y}, ["Y"], lambda kept, _: split_by_person(kept, person))


def student(folder):
    frame = read(folder / "student_performance/student_performance.csv.gz")
    person = "school sex age address famsize Pstatus Medu Fedu Mjob Fjob reason nursery internet".split()
    labels = {"passes": frame.G3 >= 10, "romantic": frame.romantic == "yes", "drinks": frame.Walc >= 3}
    return made("students, by pupil", frame, labels, ["G1", "G2", "G3", "Dalc", "Walc"], lambda kept, _: split_by_person(kept, person))


def wine(folder):
    frame = read(folder / "wine_quality/wine_quality.csv.gz").drop_duplicates()
    return made("wine", frame, {"good": frame.quality >= 7}, ["quality"], split_at_random)


def facebook(folder):
    frame = read(folder / "facebook_live_sellers/facebook_live_sellers.csv.gz")
    time = pandas.to_datetime(frame.status_published, format="%m/%d/%Y %H:%M")
    order = time.argsort(kind="stable")
    frame, time = frame.iloc[order], time.iloc[order]
    features = pandas.DataFrame(
        {"page": "p" + frame.status_id.str.split("_").str[0], "status_type": frame.status_type, "hour": time.dt.hour, "weekday": time.dt.day_name(),
         "days": (time - time.iloc[0]).dt.days})
    labels = {"comments": frame.num_comments > 0, "shares": frame.num_shares > 0, "loves": frame.num_loves > 0}
    return made("live sellers, by time", features, labels, [], lambda kept, _: split_by_time(kept))


def oulad(folder):
    frame = read(folder / "oulad_students/oulad_students.csv.gz")
    result = frame.final_result
    labels = {"withdrawn": result == "Withdrawn", "passed": result.isin(["Pass", "Distinction"]), "distinction": result == "Distinction"}
    last = (frame.code_presentation == "2014J").to_numpy()
    return made(
        "OULAD, by time", frame, labels, ["code_presentation", "id_student", "final_result"],
        lambda kept, _: (kept[~last], kept[last]))


def ai4i(folder):
    frame = read(folder / "ai4i_failures/ai4i_failures.csv.gz")
    names = {"Machine failure": "failure", "TWF": "TWF", "HDF": "HDF", "PWF": "PWF", "OSF": "OSF"}
    labels = {short: frame[long] for long, short in names.items()}
    return made("machine failures", frame, labels, ["UDI", "Product ID", "RNF", *names], split_at_random)


def clothing(folder):
    frame = read(folder / "womens_clothing/womens_clothing_no_text.csv")
    labels = {"recommended": frame["Recommended IND"], "five_stars": frame.Rating == 5, "helpful": frame["Positive Feedback Count"] > 0}
    return made(
        "clothing reviews", frame, labels, ["Rating", "Recommended IND", "Positive Feedback Count"], split_at_random, ("Clothing ID",))


def marketing(folder):
    frame = read(folder / "marketing_campaign/marketing_data.csv")
    frame["Income"] = frame.Income.str.replace("[$,]", "", regex=True).astype(float)
    frame["Dt_Customer"] = (pandas.to_datetime(frame.Dt_Customer, format="mixed") - pandas.Timestamp(2012, 1, 1)).dt.days
    return made("marketing campaign", frame, {"response": frame.Response}, ["ID", "Response"], split_at_random)


SETS = [adult, bank, credit, telco, german, coupon, student, wine, facebook, oulad, ai4i, clothing, marketing]
BY_NAME = {make.__name__: make for make in SETS}


def default_folder():
    return Path(__file__).resolve().parents[3] / "shared/data"
