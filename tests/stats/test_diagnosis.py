"""Diagnosis over planted cases (V07, V08, V13) with small real models."""

import numpy as np
import pytest

from phasewise.stats.diagnosis import diagnose, overfitting


def _poly(n: int, degree: int, noise: float, seed: int, ridge: float = 1e-9) -> dict:
    """Polynomial regression on a sine: R2 on train and on 2,000 fresh rows."""
    rng = np.random.default_rng(seed)
    x, fresh = rng.uniform(-1, 1, n), rng.uniform(-1, 1, 2000)
    truth = lambda v: np.sin(3 * v)  # noqa: E731
    y, held = truth(x) + noise * rng.normal(size=n), truth(fresh) + noise * rng.normal(size=2000)
    basis = lambda v: np.polynomial.legendre.legvander(v, degree)  # noqa: E731
    a = basis(x)
    w = np.linalg.solve(a.T @ a + ridge * np.eye(degree + 1), a.T @ y)
    mse, mse_held = np.mean((a @ w - y) ** 2), np.mean((basis(fresh) @ w - held) ** 2)
    return dict(metric_id="rmse", train=mse**0.5, validation=mse_held**0.5, trivial=float(y.std()), se_train=mse**0.5 / (2 * n) ** 0.5, se_validation=mse_held**0.5 / 4000**0.5)


def _descent(lr: float, steps: int = 60) -> dict:
    """Full-batch gradient descent on logistic regression: accuracy, loss curves, finite or not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 5)) * np.array([1, 1, 1, 1, 30.0])
    y = (x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=600) > 0).astype(float)
    w, curve = np.zeros(5), []
    for _ in range(steps):
        z = np.clip(x[:400] @ w, -500, 500)
        p = 1 / (1 + np.exp(-z))
        curve.append(float(np.mean(np.logaddexp(0, z) - y[:400] * z)))
        w = w - lr * x[:400].T @ (p - y[:400]) / 400
    accuracy = lambda rows: float(np.mean((x[rows] @ w > 0) == y[rows]))  # noqa: E731
    t, v = accuracy(slice(0, 400)), accuracy(slice(400, 600))
    return dict(metric_id="accuracy", train=t, validation=v, trivial=float(max(y[:400].mean(), 1 - y[:400].mean())), se_train=0.02, se_validation=0.03, train_curve=curve, validation_curve=curve, goal=0.93)


def _neighbours(k: int, n: int, flip: float) -> dict:
    """k nearest neighbours on two moons with flipped labels: accuracy."""
    from sklearn.datasets import make_moons
    from sklearn.neighbors import KNeighborsClassifier

    x, y = make_moons(n + 2000, noise=0.15, random_state=0)
    rng = np.random.default_rng(1)
    y = np.where(rng.random(len(y)) < flip, 1 - y, y)
    model = KNeighborsClassifier(k).fit(x[:n], y[:n])
    t, v = model.score(x[:n], y[:n]), model.score(x[n:], y[n:])
    return dict(metric_id="accuracy", train=t, validation=v, trivial=0.5, se_train=(t * (1 - t) / n) ** 0.5, se_validation=(v * (1 - v) / 2000) ** 0.5)


def _fitted(model, x, y, n: int, **more) -> dict:
    """A classifier of scikit-learn trained on the first n rows: accuracies with their standard errors."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x[:n], y[:n])
    t, v = model.score(x[:n], y[:n]), model.score(x[n:], y[n:])
    return dict(metric_id="accuracy", train=t, validation=v, trivial=float(np.bincount(y[:n]).max() / n), se_train=(t * (1 - t) / n) ** 0.5, se_validation=(v * (1 - v) / (len(y) - n)) ** 0.5, **more)


def _line_on_moons() -> dict:
    from sklearn.datasets import make_moons
    from sklearn.linear_model import LogisticRegression

    return _fitted(LogisticRegression(), *make_moons(2000, noise=0.1, random_state=0), 1000, goal=0.98)


def _network_on_sixty_digits() -> dict:
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    x, y = load_digits(return_X_y=True)
    return _fitted(MLPClassifier((64,), max_iter=150, random_state=0), x / 16, y, 60, goal=0.97)


def _forty_rows_to_judge_by() -> dict:
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    x, y = load_breast_cancer(return_X_y=True)
    x, pick = (x - x.mean(0)) / x.std(0), np.random.default_rng(3).permutation(569)[:340]
    return _fitted(LogisticRegression(C=0.1), x[pick], y[pick], 300, goal=0.95)


def _forest_on_noise() -> dict:
    from sklearn.datasets import make_friedman1
    from sklearn.ensemble import RandomForestRegressor

    x, y = make_friedman1(400, noise=3.0, random_state=0)
    model = RandomForestRegressor(30, random_state=0).fit(x[:200], y[:200])
    train, held = (float(np.sqrt(np.mean((model.predict(x[part]) - y[part]) ** 2))) for part in (slice(0, 200), slice(200, 400)))
    return dict(metric_id="rmse", train=train, validation=held, trivial=float(y[:200].std()), se_train=0.1, se_validation=0.17, goal=3.1)


def _swinging() -> dict:
    t = np.arange(40)
    curve = list(1 / (1 + 0.2 * t) + 0.9 * np.abs(np.sin(t)) * np.minimum(t / 10, 3))
    return dict(metric_id="accuracy", train=0.62, validation=0.6, trivial=0.5, goal=0.9, train_curve=curve, validation_curve=curve)


LATER = [
    ("forest on a noisy table", "high_variance", _forest_on_noise),
    ("a line between two moons", "high_bias", _line_on_moons),
    ("network on sixty digits", "high_variance", _network_on_sixty_digits),
    ("forty rows to judge by", "healthy", _forty_rows_to_judge_by),
    ("swings that grow", "optimisation_failure", _swinging),
    ("stopped long before the end", "high_bias", lambda: dict(metric_id="rmse", train=0.93, validation=0.95, trivial=1.0, goal=0.5, se_train=0.01, se_validation=0.02, train_curve=list(np.linspace(1, 0.87, 10)), validation_curve=list(np.linspace(1, 0.9, 10)))),
]
"""Written after the rules were fixed and right at the first run."""

CASES = [
    *LATER,
    ("line on a sine", "high_bias", lambda: _poly(300, 1, 0.1, 0) | dict(goal=0.12)),
    ("parabola on a sine", "high_bias", lambda: _poly(500, 2, 0.1, 1) | dict(goal=0.12)),
    ("heavy ridge", "high_bias", lambda: _poly(300, 8, 0.1, 2, ridge=200) | dict(goal=0.12)),
    ("degree 15 on 20 points", "high_variance", lambda: _poly(20, 15, 0.1, 3) | dict(goal=0.13)),
    ("degree 25 on 40 points", "high_variance", lambda: _poly(40, 25, 0.2, 4) | dict(goal=0.25)),
    ("degree 8 on 300 points", "healthy", lambda: _poly(300, 8, 0.1, 5) | dict(goal=0.12)),
    ("degree 9 on 3000 points", "healthy", lambda: _poly(3000, 9, 0.2, 6) | dict(goal=0.22)),
    ("degree 15 with 2000 points", "healthy", lambda: _poly(2000, 15, 0.1, 7) | dict(goal=0.12)),
    ("one neighbour, noisy labels", "high_variance", lambda: _neighbours(1, 400, 0.15) | dict(goal=0.84)),
    ("many neighbours, clean labels", "healthy", lambda: _neighbours(9, 2000, 0.0) | dict(goal=0.97)),
    ("nearly all rows are neighbours", "high_bias", lambda: _neighbours(600, 1000, 0.0) | dict(goal=0.97)),
    ("label noise above the goal", "high_bias", lambda: _neighbours(25, 3000, 0.2) | dict(goal=0.95)),
    ("few neighbours, label noise, high goal", "both", lambda: _neighbours(5, 600, 0.25) | dict(goal=0.97)),
    ("three neighbours, label noise, high goal", "both", lambda: _neighbours(3, 600, 0.3) | dict(goal=0.97)),
    ("learning rate far too high", "optimisation_failure", lambda: _descent(50.0)),
    ("learning rate zero", "optimisation_failure", lambda: _descent(0.0)),
    ("blown up and settled above guessing", "optimisation_failure", lambda: dict(metric_id="accuracy", train=0.51, validation=0.52, trivial=0.44, goal=0.89, guess_loss=1.1, train_curve=[4e5, 2e4, 73, 22, 30, 9.8, 10.6, 11, 12.3, 9.2], validation_curve=[4e5, 2e4, 73, 22, 30, 9.8, 10.6, 11, 12.3, 9.2])),
    ("spike at the start only", "high_bias", lambda: dict(metric_id="accuracy", train=0.7, validation=0.7, trivial=0.44, goal=0.89, guess_loss=1.1, train_curve=[12.0, 1.0, 0.9, 0.8, 0.75, 0.7], validation_curve=[12.0, 1.0, 0.9, 0.85, 0.8, 0.75])),
    ("not a number", "optimisation_failure", lambda: dict(metric_id="log_loss", train=float("nan"), validation=float("nan"), trivial=0.69, finite=False)),
    ("stuck at the constant", "optimisation_failure", lambda: dict(metric_id="log_loss", train=0.692, validation=0.694, trivial=0.693, goal=0.3)),
    ("wrong sign", "optimisation_failure", lambda: dict(metric_id="accuracy", train=0.2, validation=0.21, trivial=0.5, goal=0.9)),
    ("good descent", "healthy", lambda: _descent(0.01, 2000) | dict(goal=0.9)),
]


def test_diagnosis_is_right_in_at_least_ninety_percent_of_planted_cases():
    confusion = {name: (wanted, diagnose(**made()).verdict) for name, wanted, made in CASES}
    wrong = {name: pair for name, pair in confusion.items() if pair[0] != pair[1]}
    assert len(CASES) == 28
    assert len(wrong) <= 2, wrong


def test_a_high_learning_rate_is_not_called_variance():
    """M04: not converging is a third diagnosis with other cures."""
    assert diagnose(**_descent(50.0)).verdict == "optimisation_failure"


def test_more_data_shrinks_variance_and_a_larger_model_shrinks_bias():
    few, many = diagnose(**_poly(20, 12, 0.1, 3), goal=0.13), diagnose(**_poly(2000, 12, 0.1, 3), goal=0.13)
    assert few.variance > 5 * many.variance
    small, large = diagnose(**_poly(500, 1, 0.1, 0), goal=0.12), diagnose(**_poly(500, 7, 0.1, 0), goal=0.12)
    assert small.bias > 5 * large.bias
    assert diagnose(**_poly(20_000, 1, 0.1, 0), goal=0.12).bias == pytest.approx(small.bias, rel=0.2)


def test_overfitting_is_seen_on_curves_and_not_on_sound_ones():
    """V13: digits with 150 rows against all rows, a real network of scikit-learn."""
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / 16, y[order]

    def curves(n: int, epochs: int) -> tuple[list[float], list[float]]:
        model = MLPClassifier((64,), solver="adam", learning_rate_init=0.01, random_state=0, batch_size=32)
        train, validation = [], []
        for _ in range(epochs):
            model.partial_fit(x[:n], y[:n], classes=range(10))
            train.append(log_loss(y[:n], model.predict_proba(x[:n]), labels=range(10)))
            validation.append(log_loss(y[1400:], model.predict_proba(x[1400:]), labels=range(10)))
        return train, validation

    assert overfitting(*curves(150, 60))
    assert not overfitting(*curves(1400, 12))
    rng = np.random.default_rng(0)
    flat = 1 / np.arange(1, 60)
    assert sum(overfitting(flat, flat + 0.3 + rng.normal(0, 0.002, 59)) for _ in range(50)) == 0
