"""Results such as a real project on the adult data would hold; figures are made up but consistent."""

from phasewise.records.findings import CheckRun, Finding, Remedy
from phasewise.records.results import (
    AblateResult,
    BaselinesResult,
    Bin,
    ChecksResult,
    CheckupResult,
    CheckVerdict,
    ColumnSummary,
    CombineResult,
    Component,
    Diagnosis,
    DriftRow,
    ExportedFile,
    ExportResult,
    FieldResult,
    FileIdentity,
    FinderResult,
    FitResult,
    IdeaResult,
    InspectResult,
    ModelResult,
    NeedVerdict,
    PairedRow,
    PartSummary,
    ProfileResult,
    Proposal,
    Score,
    SearchResult,
    SliceRow,
    SplitResult,
    Suggestion,
    TrialResult,
    TryIdeasResult,
    VerifyResult,
)

COLUMNS = [
    ("age", "number", "int64", 0, 73, 17, 90, 38.6, [5, 9, 10, 9, 7, 5, 3, 2, 1, 1]),
    ("workclass", "category", "string", 2799, 8, None, None, None, [33906, 3862, 3136, 1981, 1695, 1432, 21, 10]),
    ("fnlwgt", "number", "int64", 0, 28523, 12285, 1490400, 189664.1, [40, 60, 25, 8, 3, 1, 1, 0, 0, 0]),
    ("education", "category", "string", 0, 16, None, None, None, [15784, 10878, 8025, 2657, 2061, 1812]),
    ("education-num", "number", "int64", 0, 16, 1, 16, 10.1, [1, 1, 2, 3, 30, 22, 6, 16, 6, 2]),
    ("marital-status", "category", "string", 0, 7, None, None, None, [22379, 16117, 6633, 1530, 1518, 628, 37]),
    ("occupation", "category", "string", 2809, 14, None, None, None, [6172, 6112, 6086, 5611, 5504, 4923]),
    ("relationship", "category", "string", 0, 6, None, None, None, [19716, 12583, 7581, 5125, 2331, 1506]),
    ("race", "category", "string", 0, 5, None, None, None, [41762, 4685, 1519, 470, 406]),
    ("sex", "category", "string", 0, 2, None, None, None, [32650, 16192]),
    ("capital-gain", "number", "int64", 0, 123, 0, 99999, 1079.1, [98, 1, 1, 0, 0, 0, 0, 0, 0, 1]),
    ("capital-loss", "number", "int64", 0, 99, 0, 4356, 87.5, [95, 0, 0, 1, 3, 1, 0, 0, 0, 0]),
    ("hours-per-week", "number", "int64", 0, 96, 1, 99, 40.4, [1, 2, 4, 5, 60, 14, 9, 3, 1, 1]),
    ("native-country", "category", "string", 857, 41, None, None, None, [43832, 951, 295, 206, 184, 182]),
    ("class", "category", "string", 0, 2, None, None, None, [37155, 11687]),
]
LABELS = {"sex": ["Male", "Female"], "class": ["<=50K", ">50K"], "race": ["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"], "education": ["HS-grad", "Some-college", "Bachelors", "Masters", "Assoc-voc", "11th"]}
ROW = ["39", "State-gov", "77516", "Bachelors", "13", "Never-married", "Adm-clerical", "Not-in-family", "White", "Male", "2174", "0", "40", "United-States", "<=50K"]


def profile() -> ProfileResult:
    columns = [
        ColumnSummary(
            name=n, role=r, dtype=d, rows=48842, missing=m, distinct=k, minimum=lo, maximum=hi, mean=mean,
            bars=[Bin(label=LABELS.get(n, "Private Self-emp Local-gov State-gov Federal-gov Other A B C D".split())[i] if r == "category" else str(i), count=c) for i, c in enumerate(bars)], reason="whole numbers with many values" if r == "number" else "few distinct texts",
        )
        for n, r, d, m, k, lo, hi, mean, bars in COLUMNS
    ]
    return ProfileResult(
        files=[FileIdentity(name="adult.csv", size=5326368, sha256="a" * 64, rows=48842)], kind="tabular", rows=48842, columns=columns,
        targets=[Proposal(value="class", reason="last column, two values, named like a target", confidence=0.93), Proposal(value="sex", reason="two values", confidence=0.2)],
        target="class", task="binary", classes=[Bin(label="<=50K", count=37155), Bin(label=">50K", count=11687)],
        preview=[[str(int(ROW[0]) + i), *ROW[1:]] for i in range(30)], policy=Proposal(value="stratified", reason="classes are 76 % to 24 %, no group or time column"),
        reading={"delimiter": ",", "encoding": "utf-8", "quoting": '"'},
    )


def split() -> SplitResult:
    def part(rows: int) -> PartSummary:
        return PartSummary(rows=rows, clusters=rows - 9, classes={"<=50K": round(rows * 0.7607), ">50K": rows - round(rows * 0.7607)})

    return SplitResult(
        policy="stratified", seed=0, parts={"train": part(31259), "validation": part(7815), "test": part(9768)}, digest="d1", manifest="m1",
        half_width=0.0057, smallest_gain=0.0081, notes=["52 exact duplicates are kept together."],
    )


def checks() -> ChecksResult:
    return ChecksResult(
        findings=[
            Finding(id="leak-single:relationship", check="leak-single", severity="block", title="relationship alone predicts the target", seen="ROC AUC 0.981 from one column", why="A column that knows the answer is often filled in after the fact.", why_fine="It may be a true cause known before the decision.", columns=["relationship"], harm=0.06, examples=["Husband", "Wife"], remedies=[Remedy(action="drop-column", title="Drop the column", effect="The column leaves training, and every later file.", recommended=True), Remedy(action="accept", title="Keep it", effect="The report shows the reason.")], source="T27"),
            Finding(id="missing-marker:occupation", check="missing-marker", severity="warn", title="occupation hides missing values as '?'", seen="2,809 rows (5.8 %) hold '?'", why="A marker counted as a category teaches the network a value that means nothing.", columns=["occupation"], rows=2809, harm=0.004, remedies=[Remedy(action="as-missing", title="Read '?' as missing", effect="2,809 cells become missing.", recommended=True), Remedy(action="accept", title="Leave as it is")], source="T03"),
            Finding(id="duplicates", check="duplicates", severity="warn", title="52 rows appear twice", seen="52 exact duplicates (0.1 %)", rows=52, harm=0.001, remedies=[Remedy(action="keep-together", title="Keep them in one part", recommended=True), Remedy(action="drop-rows", title="Drop the copies")], source="T10"),
            Finding(id="imbalance", check="imbalance", severity="info", title="The smaller class holds 24 %", seen="11,687 of 48,842 rows", source="T20"),
            Finding(id="constant", check="constant", severity="pass", title="No constant column", source="T01"),
        ],
        coverage=[CheckRun(check="leak-single", state="ran", rows=39074, of_rows=39074), CheckRun(check="time-order", state="skipped", why="no time column"), CheckRun(check="duplicates", state="ran", rows=39074, of_rows=39074)],
        trust="with_reservations", trust_reason="one finding blocks, two warn", rows=39074, rows_looked=39074, seconds=4.2,
    )


def model(name: str, family: str, value: float, half: float = 0.0041, *, source: str = "baseline", train: float | None = None, seconds: float = 3.0, ref: str = "", metric: str = "roc_auc") -> ModelResult:
    return ModelResult(
        ref=ref or f"run-b/{name}", name=name, family=family, source=source, seconds=seconds, parameters=None if source == "baseline" else 12_802,
        validation=Score(metric=metric, value=value, low=value - half, high=min(value + half, 1), n=7815, method="delong"),
        train=None if train is None else Score(metric=metric, value=train, low=train - half / 2, high=train + half / 2, n=31259), size_mb=0.4, latency_ms=0.02, digest="f" * 64,
    )


def baselines() -> BaselinesResult:
    return BaselinesResult(
        models=[model("hist_gradient_boosting", "trees", 0.9283, train=0.9471, seconds=4.1), model("random_forest", "trees", 0.9164, train=0.9990, seconds=9.8), model("logistic", "linear", 0.9066, train=0.9072, seconds=1.9), model("knn", "knn", 0.8713, train=0.93, seconds=12.0), model("dummy", "dummy", 0.5, 0.0, train=0.5, seconds=0.1)],
        need=NeedVerdict(verdict="maybe", reason="The best baseline (0.9283) misses the goal 0.93 by 0.0017, less than its interval; a network may or may not gain that.", best="run-b/hist_gradient_boosting", gap=0.0017),
        skipped={"catboost": "not installed"}, notes=["All models saw the same rows and folds."],
    )


def checkup() -> CheckupResult:
    rows = [("loss-at-init", "pass", "Loss before training", "0.694, expected ln 2 = 0.693"), ("overfit-batch", "pass", "Overfits one batch", "32 rows to loss 0.0008 in 140 steps"), ("batch-independence", "pass", "Rows do not leak into each other", "largest gradient to another row 0"), ("gradient-flow", "warn", "Gradient reaches every layer", "first layer gets 1/80 of the last"), ("dead-units", "pass", "Units alive", "3 of 128 ReLU units dead"), ("input-matters", "pass", "Better than without inputs", "0.41 against 0.55")]
    return CheckupResult(verdicts=[CheckVerdict(id=i, verdict=v, title=t, detail=d, seconds=0.3) for i, v, t, d in rows], shapes=[{"module": "embed.0", "input": "[256, 8]", "output": "[256, 72]", "parameters": 412}, {"module": "hidden.0", "input": "[256, 78]", "output": "[256, 128]", "parameters": 10112}, {"module": "out", "input": "[256, 128]", "output": "[256, 1]", "parameters": 129}], parameters=10653, subset=2048, smallest=model("smallest", "one_hidden", 0.8991, source="network", train=0.9012))


def finder() -> FinderResult:
    lrs = [10 ** (-6 + 7 * i / 99) for i in range(100)]
    losses = [0.70 - 0.35 / (1 + 2.718 ** (-(i - 50) / 6)) + (0.0 if i < 82 else (i - 82) ** 2 * 0.006) for i in range(100)]
    return FinderResult(lrs=lrs, losses=[v + 0.01 * ((i * 7) % 5 - 2) for i, v in enumerate(losses)], smooth=losses, low=[v - 0.02 for v in losses], high=[v + 0.02 for v in losses], sweeps=5, suggestions=[Suggestion(name="phasewise", lr=4.2e-3, note="steepest stretch, a third below the edge"), Suggestion(name="valley", lr=6.1e-3), Suggestion(name="steep", lr=3.5e-3), Suggestion(name="slide", lr=1.1e-2), Suggestion(name="minimum", lr=None, note="no clear minimum")], chosen=4.2e-3, stopped="diverged", optimizer="adamw")


def diagnosis() -> Diagnosis:
    return Diagnosis(verdict="high_variance", reason="The gap between train and validation (0.021) is larger than the gap to the goal (0.004) and five times its standard error.", train_error=0.049, validation_error=0.070, goal_error=0.066, bias=-0.017, variance=0.021, se=0.004, overfitting=True)


def fit() -> FitResult:
    return FitResult(model=model("network", "mlp", 0.9259, source="network", train=0.9468, ref="run-t/network", seconds=41), diagnosis=diagnosis(), steps=2440, epochs=20, throughput=182_000.0, curves={"train.loss": [[i * 20, 0.69 * 0.99**i + 0.25] for i in range(120)], "epoch.validation_loss": [[i * 122, 0.5 * 0.9**i + 0.3] for i in range(20)]}, watch=[{"layer": "hidden.0", "quantity": "update ratio", "step": 320, "value": 0.021, "bound": 0.01}])


def ideas() -> TryIdeasResult:
    return TryIdeasResult(incumbent=model("network", "mlp", 0.9259, source="network"), seeds=[0, 1, 2, 3, 4], evaluations=10, ideas=[IdeaResult(id="i1", title="Dropout 0.25", change={"network.dropout": [0.25]}, gain=0.0021, low=0.0008, high=0.0034, verdict="better"), IdeaResult(id="i2", title="Label smoothing 0.1", gain=-0.0004, low=-0.0015, high=0.0007, verdict="noise"), IdeaResult(id="i3", title="Wider network", gain=0.0002, low=-0.0011, high=0.0016, verdict="noise")])


def search() -> SearchResult:
    return SearchResult(trials=[TrialResult(id=f"t{i:02d}", config={"train.lr": 0.001 * (i + 1), "network.dropout": [0.1 * (i % 4)]}, value=0.93 - 0.002 * i, epochs=[4, 8, 20][i % 3], state=["finished", "halved", "diverged"][i % 3], parameters=12000 + 300 * i) for i in range(16)], best=model("t00", "mlp", 0.9300, source="network", train=0.941, ref="run-s/t00"), best_change={"train.lr": 0.001, "network.dropout": [0.0]}, evaluations=24, optimism=0.0012, rung_correlation=0.83, diagnosis=diagnosis())


def ablate() -> AblateResult:
    return AblateResult(full=model("t00", "mlp", 0.93, source="network"), components=[Component(id="embeddings", title="Entity embeddings", drop=0.0112, low=0.0090, high=0.0134, p=0.0001, p_holm=0.0003), Component(id="dropout", title="Dropout", drop=0.0023, low=0.0008, high=0.0038, p=0.004, p_holm=0.008), Component(id="schedule", title="Cosine schedule", drop=-0.0003, low=-0.0012, high=0.0006, p=0.48, p_holm=0.48)], interaction=0.0009)


def inspect() -> InspectResult:
    return InspectResult(
        model="run-s/t00", metrics={"roc_auc": 0.93, "accuracy": 0.872, "log_loss": 0.279},
        findings=[Finding(id="weak-slice:occupation = Exec-managerial", check="weak-slice", severity="warn", title="The model is weak where occupation = Exec-managerial", seen="0.861 there (982 rows), 0.934 elsewhere; q = 4e-05.", why="An average hides groups for which the model does not work.", why_fine="The claim can be restricted to where it works.", harm=0.87, source="check:E01", remedies=[Remedy(action="note", title="collect about 982 more rows like these", recommended=True)]), Finding(id="selection-luck", check="selection-luck", severity="info", title="About 0.1 points of the score are luck of having looked 61 times", seen="SE of validation 0.2 points; candidates share 70 % of their luck.", why="The best of many tries is partly the luckiest.", source="check:E09")],
        coverage=[CheckRun(check="weak-slice", state="ran", rows=7815, of_rows=7815), CheckRun(check="selection-luck", state="ran", rows=7815, of_rows=7815)],
        slices=[SliceRow(name="occupation = Exec-managerial", rows=982, value=0.861, low=0.837, high=0.885, rest=0.934, p=1e-6, q=4e-5, harm=0.0087, significant=True), SliceRow(name="age >= 60", rows=611, value=0.889, low=0.862, high=0.916, rest=0.932, p=0.002, q=0.03, harm=0.0027, significant=True), SliceRow(name="workclass = Self-emp-inc", rows=271, value=0.874, low=0.83, high=0.918, rest=0.931, p=0.01, q=0.09, harm=0.0016)],
        gallery={"worst": [{"row": 30211, "truth": ">50K", "prediction": "<=50K", "loss": 5.1, "shown": ["age 23", "Never-married", "capital-gain 0"]}, {"row": 1807, "truth": "<=50K", "prediction": ">50K", "loss": 4.4, "shown": ["age 51", "Married-civ-spouse", "Prof-school"]}], "unsure": [{"row": 77, "truth": ">50K", "prediction": ">50K", "loss": 0.69, "shown": ["age 44"]}]},
        confusion={"labels": ["<=50K", ">50K"], "counts": [[5612, 333], [667, 1203]]},
        calibration={"bins": [{"mean": 0.05 + 0.1 * i, "observed": min(max(0.04 + 0.098 * i, 0), 1), "rows": 2000 - 150 * i} for i in range(10)], "ece": 0.021, "temperature": 1.14, "ece_after": 0.009},
        importance=[{"column": "capital-gain", "drop": 0.031, "low": 0.028, "high": 0.034}, {"column": "relationship", "drop": 0.022, "low": 0.02, "high": 0.024}, {"column": "education-num", "drop": 0.017, "low": 0.015, "high": 0.019}],
        threshold={"value": 0.41, "metric": "f1"},
    )


def combine() -> CombineResult:
    return CombineResult(singles=[model("t00", "mlp", 0.93, source="network"), model("hist_gradient_boosting", "trees", 0.9283)], ensembles=[model("average", "ensemble", 0.9312, source="ensemble", ref="run-c/average"), model("weighted", "ensemble", 0.9317, source="ensemble", ref="run-c/weighted")], best=model("weighted", "ensemble", 0.9317, source="ensemble", ref="run-c/weighted"), gain=0.0017, low=0.0004, high=0.0030, weights={"t00": 0.55, "hist_gradient_boosting": 0.45}, disagreement=0.061)


def verify() -> VerifyResult:
    return VerifyResult(test=Score(metric="roc_auc", value=0.9291, low=0.9242, high=0.9340, n=9768, method="delong"), validation=Score(metric="roc_auc", value=0.9317, low=0.9276, high=0.9358, n=7815), corrected=0.9303, evaluations=61, z=-0.36, verdict="confirmed", reason="The test interval holds the corrected validation score.", looks=1, claim="target", target=0.92, predicted=0.93, rows=9768, others={"accuracy": 0.8694, "log_loss": 0.2831}, paired=[PairedRow(name="hist_gradient_boosting", value=0.9270, difference=0.0021, low=0.0006, high=0.0036, method="delong")], confusion={"labels": ["<=50K", ">50K"], "counts": [[7011, 420], [851, 1486]]}, manifest="m1", freeze="f" * 16)


def field() -> FieldResult:
    return FieldResult(name="2025", file="adult-2025.csv", rows=4000, score=Score(metric="roc_auc", value=0.911, low=0.902, high=0.920, n=4000), drift=[DriftRow(column="hours-per-week", p=1e-9, q=1e-8, effect=0.21, drifted=True, detail="mean 40.4 to 37.9"), DriftRow(column="native-country", p=0.004, q=0.03, effect=0.08, drifted=True, detail="3 new values"), DriftRow(column="age", p=0.4, q=0.6, effect=0.01, drifted=False)], domain_auc=0.58, domain_low=0.56, loop="collect", loop_reason="The score fell by more than its interval and two columns drifted: collect rows of the new kind and train again.", overlap=3, do_not_trust=["native-country = Laos (new)"])


def export() -> ExportResult:
    return ExportResult(files=[ExportedFile(format="bundle", path="export/model", size=412_000, parity=0.0, rows=200, ok=True), ExportedFile(format="onnx", path="export/model.onnx", size=398_113, parity=3.1e-7, rows=200, ok=True), ExportedFile(format="torch", path="export/model.pt", size=401_002, ok=False, note="this part has no torch form")])


FULL = {"profile": profile, "split": split, "checks": checks, "baselines": baselines, "checkup": checkup, "find_lr": finder, "fit": fit, "try_ideas": ideas, "search": search, "ablate": ablate, "inspect:run-s/t00": inspect, "combine": combine, "open_vault": verify, "field:2025": field, "export": export}
