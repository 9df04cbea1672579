#!/usr/bin/env python3
"""Reference values and derivatives of every operation, computed with mpmath (pip install mpmath).

    python3 generate.py             write unary.csv, binary.csv, ternary.csv beside this file
    python3 generate.py --check     compare the closed forms below with numerical differentiation
    python3 generate.py --digamma   print the coefficients of digamma on [1, 2]

The operands are exact doubles. Each result is evaluated with 512 bits and again with 1100 bits until both
agree, then rounded once to the nearest double: subnormal where it is that small, `inf` where it is beyond
the range. Numbers are written so that they read back exactly. The points are deterministic.

Columns: op,param,x,value,d1,d2 (param: the integer of powi and polygamma); op,x,y,value,dx,dy,dxx,dxy,dyy;
op,x,y,z,value and all first and second partials. x is the receiver, x.op(y, z): atan2 has x = ordinate,
log and powf have y = base and exponent. The last column, `scale`, is empty, or has one entry per result,
separated by spaces: `-`, or, where the result is a sum whose terms cancel (near a zero of the function),
the sum of the magnitudes of these terms. An error there should be judged relative to it.
"""

import math
import random
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
from mpmath import mp, mpf

PRECISIONS = (512, 1100, 2400, 5000)
INF = math.inf
ULP = 2.0**-52


# ------------------------------------------------------------------ exact rounding


def exact(x):
    """An mpf as a fraction."""
    sign, man, exp, _ = x._mpf_
    value = Fraction(int(man)) * (Fraction(2) ** exp)
    return -value if sign else value


def to_double(x):
    """The nearest double; division of integers rounds correctly, below the normal range too."""
    if isinstance(x, float):
        return x
    if not isinstance(x, (mpf, Fraction)):
        return float(x)
    if isinstance(x, mpf) and x and not -2000 < mp.mag(x) < 2000:
        return 0.0 if mp.mag(x) < 0 else INF if x > 0 else -INF
    q = x if isinstance(x, Fraction) else exact(x)
    try:
        return q.numerator / q.denominator
    except OverflowError:
        return INF if q > 0 else -INF


def number(x):
    if x != x:
        return "NaN"
    if x in (INF, -INF):
        return "inf" if x > 0 else "-inf"
    return repr(x).removesuffix(".0")


class Sum:
    """A result whose terms may cancel."""

    def __init__(self, *terms):
        self.terms = terms

    def __mul__(self, factor):
        return Sum(*(t * factor for t in self.terms))


def plain(result):
    return sum(result.terms[1:], result.terms[0]) if isinstance(result, Sum) else result


def scale(result):
    """The sum of the magnitudes of the terms, where they cancel by more than two bits."""
    if not isinstance(result, Sum):
        return None
    size = sum(abs(t) for t in result.terms)
    return size if size > 4 * abs(plain(result)) else None


def evaluate(f, operands):
    """The results of `f` as (double, scale) pairs, from two precisions that agree."""
    previous = None
    for bits in PRECISIONS:
        mp.prec = bits
        results = f(*(mpf(x) for x in operands))
        now = [plain(r) for r in results]
        if previous is not None and all(agree(a, b) for a, b in zip(previous, now)):
            sizes = [scale(r) for r in results]
            return [(to_double(v), None if s is None else to_double(s)) for v, s in zip(now, sizes)]
        previous = now
    raise ArithmeticError(f"no agreement at {operands}: {previous}")


def agree(a, b):
    if isinstance(a, (int, float, Fraction)):
        return a == b or a != a
    return a == b or abs(a - b) <= abs(b) * mpf(2) ** -200


# ------------------------------------------------------------------ closed forms: (f, f', f'')


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def normal_pdf(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def ln_add(a, b):
    return Sum(max(a, b), mp.log1p(mp.exp(-abs(a - b))))


def zeta(n, x):
    """n! ζ(n+1, x) for x > 0: DLMF 5.15.1 up to a large argument, then 5.15.8."""
    steps = max(0, int(mp.ceil(mp.prec // 5 + n - x))) if x < mp.prec // 5 + n else 0
    total = sum((mp.factorial(n) / (x + k) ** (n + 1) for k in range(steps)), mpf(0))
    z = x + steps
    tail = mp.factorial(n - 1) / z**n + mp.factorial(n) / (2 * z ** (n + 1))
    k = 1
    while True:
        term = mp.bernoulli(2 * k) * mp.factorial(2 * k + n - 1) / (mp.factorial(2 * k) * z ** (2 * k + n))
        tail += term
        if abs(term) < abs(tail) * mpf(2) ** -(mp.prec + 8):
            return total + tail
        k += 1


def psi(n, x):
    """The n-th derivative of digamma."""
    if n == 0:
        return mp.digamma(x) if x > 0 else Sum(mp.digamma(1 - x), -mp.pi * mp.cos(mp.pi * x) / mp.sin(mp.pi * x))
    sign = 1 if n % 2 else -1
    if x > 0:
        return sign * zeta(n, x)
    f = -x - mp.floor(-x)
    right, near, far = zeta(n, 1 - f), zeta(n, f), zeta(n, 1 - x)
    return Sum(right, near, -far) if n % 2 else Sum(-right, near, -far)


def ln_gamma(x):
    if x > 0:
        return mp.loggamma(x)
    return Sum(mp.log(mp.pi), -mp.log(abs(mp.sin(mp.pi * x))), -mp.loggamma(1 - x))


def gamma(x):
    g, p0, p1 = mp.gamma(x), psi(0, x), psi(1, x)
    first = Sum(*p0.terms) * g if isinstance(p0, Sum) else g * p0
    return g, first, g * (plain(p0) ** 2 + plain(p1))


def sinc(x):
    if abs(x) > 1:
        s, c = mp.sin(x), mp.cos(x)
        return s / x, Sum(c / x, -s / x**2), Sum(-s / x, -2 * c / x**2, 2 * s / x**3)
    results = [mpf(0), mpf(0), mpf(0)]
    for k in range(mp.prec):
        t = (-1) ** k / mp.factorial(2 * k + 1)
        results[0] += t * x ** (2 * k)
        if k > 0:
            results[1] += t * 2 * k * x ** (2 * k - 1)
            results[2] += t * 2 * k * (2 * k - 1) * x ** (2 * k - 2)
        if mp.factorial(2 * k + 1) > mpf(2) ** (mp.prec + 20):
            break
    return results


def silu(x):
    s, r = sigmoid(x), sigmoid(-x)
    return x * s, Sum(s, x * s * r), Sum(2 * s * r, -x * s * r * mp.tanh(x / 2))


def powi(n):
    def f(x):
        p = lambda m: x**m
        return p(n), n * p(n - 1) if n else mpf(0), n * (n - 1) * p(n - 2) if n not in (0, 1) else mpf(0)

    return f


def step(f):
    return lambda x: (f(x), mpf(0), mpf(0))


def linear(slope, f=None):
    return lambda x: (f(x) if f else slope() * x, slope(), mpf(0))


def signum(x):
    return mpf(1 if x > 0 else -1)


def trunc(x):
    return mp.floor(x) if x > 0 else mp.ceil(x)


UNARY = {
    "neg": linear(lambda: mpf(-1)),
    "abs": lambda x: (abs(x), signum(x), mpf(0)),
    "signum": step(signum),
    "sqrt": lambda x: (mp.sqrt(x), 1 / (2 * mp.sqrt(x)), -1 / (4 * x * mp.sqrt(x))),
    "cbrt": lambda x: (
        signum(x) * mp.cbrt(abs(x)),
        1 / (3 * mp.cbrt(abs(x)) ** 2),
        -2 * signum(x) / (9 * mp.cbrt(abs(x)) ** 5),
    ),
    "recip": lambda x: (1 / x, -1 / x**2, 2 / x**3),
    "exp": lambda x: (mp.exp(x),) * 3,
    "exp2": lambda x: (mpf(2) ** x, mpf(2) ** x * mp.ln2, mpf(2) ** x * mp.ln2**2),
    "exp_m1": lambda x: (mp.expm1(x), mp.exp(x), mp.exp(x)),
    "ln": lambda x: (mp.log(x), 1 / x, -1 / x**2),
    "log2": lambda x: (mp.log(x) / mp.ln2, 1 / (x * mp.ln2), -1 / (x**2 * mp.ln2)),
    "log10": lambda x: (mp.log(x) / mp.ln10, 1 / (x * mp.ln10), -1 / (x**2 * mp.ln10)),
    "ln_1p": lambda x: (mp.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2),
    "sin": lambda x: (mp.sin(x), mp.cos(x), -mp.sin(x)),
    "cos": lambda x: (mp.cos(x), -mp.sin(x), -mp.cos(x)),
    "tan": lambda x: (mp.tan(x), mp.sec(x) ** 2, 2 * mp.tan(x) * mp.sec(x) ** 2),
    "asin": lambda x: (mp.asin(x), (1 - x * x) ** mpf(-0.5), x * (1 - x * x) ** mpf(-1.5)),
    "acos": lambda x: (mp.acos(x), -((1 - x * x) ** mpf(-0.5)), -x * (1 - x * x) ** mpf(-1.5)),
    "atan": lambda x: (mp.atan(x), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2),
    "sinh": lambda x: (mp.sinh(x), mp.cosh(x), mp.sinh(x)),
    "cosh": lambda x: (mp.cosh(x), mp.sinh(x), mp.cosh(x)),
    "tanh": lambda x: (mp.tanh(x), mp.sech(x) ** 2, -2 * mp.tanh(x) * mp.sech(x) ** 2),
    "asinh": lambda x: (mp.asinh(x), (1 + x * x) ** mpf(-0.5), -x * (1 + x * x) ** mpf(-1.5)),
    "acosh": lambda x: (mp.acosh(x), ((x - 1) * (x + 1)) ** mpf(-0.5), -x * ((x - 1) * (x + 1)) ** mpf(-1.5)),
    "atanh": lambda x: (mp.atanh(x), 1 / (1 - x * x), 2 * x / (1 - x * x) ** 2),
    "floor": step(mp.floor),
    "ceil": step(mp.ceil),
    "round": step(lambda x: signum(x) * mp.floor(abs(x) + mpf(0.5))),
    "trunc": step(trunc),
    "fract": linear(lambda: mpf(1), lambda x: x - trunc(x)),
    "to_degrees": linear(lambda: 180 / mp.pi),
    "to_radians": linear(lambda: mp.pi / 180),
    "relu": lambda x: (max(x, mpf(0)), mpf(1 if x > 0 else 0), mpf(0)),
    "sigmoid": lambda x: (
        sigmoid(x),
        sigmoid(x) * sigmoid(-x),
        -sigmoid(x) * sigmoid(-x) * mp.tanh(x / 2),
    ),
    "softplus": lambda x: (max(x, mpf(0)) + mp.log1p(mp.exp(-abs(x))), sigmoid(x), sigmoid(x) * sigmoid(-x)),
    "silu": silu,
    "gelu": lambda x: (
        x * normal_cdf(x),
        Sum(normal_cdf(x), x * normal_pdf(x)),
        Sum(2 * normal_pdf(x), -x * x * normal_pdf(x)),
    ),
    "erf": lambda x: (
        mp.erf(x),
        2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        -4 * x / mp.sqrt(mp.pi) * mp.exp(-x * x),
    ),
    "erfc": lambda x: (
        mp.erfc(x),
        -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        4 * x / mp.sqrt(mp.pi) * mp.exp(-x * x),
    ),
    "gamma": gamma,
    "ln_gamma": lambda x: (ln_gamma(x), psi(0, x), psi(1, x)),
    "digamma": lambda x: (psi(0, x), psi(1, x), psi(2, x)),
    "normal_cdf": lambda x: (normal_cdf(x), normal_pdf(x), -x * normal_pdf(x)),
    "sinc": sinc,
}
POWERS = [*range(-7, 8), 10, 25, 100, -30, 1000]
ORDERS = [1, 2, 3, 5, 10]


def polygamma(n):
    return lambda x: (psi(n, x), psi(n + 1, x), psi(n + 2, x))


# (f, fx, fy, fxx, fxy, fyy); whole numbers of a remainder as fractions, which are exact


def remainder(quotient):
    def f(x, y):
        a, b = exact(x), exact(y)
        n = quotient(a, b)
        return a - n * b, Fraction(1), Fraction(-n), Fraction(0), Fraction(0), Fraction(0)

    return f


def powf(x, y):
    p = lambda e: mp.power(x, e)
    first, second = y * p(y - 1), y * (y - 1) * p(y - 2)
    if x < 0:
        return p(y), first, math.nan, second, math.nan, math.nan
    ln = mp.log(x)
    return p(y), first, p(y) * ln, second, Sum(p(y - 1), y * ln * p(y - 1)), p(y) * ln**2


def log(x, b):
    ln, lb = mp.log(x), mp.log(b)
    return (
        ln / lb,
        1 / (x * lb),
        -ln / (b * lb**2),
        -1 / (x**2 * lb),
        -1 / (x * b * lb**2),
        Sum(ln / (b * lb) ** 2, 2 * ln / (b**2 * lb**3)),
    )


def atan2(a, b):
    r = a * a + b * b
    return mp.atan2(a, b), b / r, -a / r, -2 * a * b / r**2, Sum(a * a / r**2, -b * b / r**2), 2 * a * b / r**2


def hypot(x, y):
    h = mp.sqrt(x * x + y * y)
    return h, x / h, y / h, y * y / h**3, -x * y / h**3, x * x / h**3


def xlogy(x, y):
    return x * mp.log(y), mp.log(y), x / y, mpf(0), 1 / y, -x / y**2


def logaddexp(a, b):
    s, r = sigmoid(a - b), sigmoid(b - a)
    return ln_add(a, b), s, r, s * r, -s * r, s * r


def choose(first):
    return lambda x, y: (x if first(x, y) else y, mpf(first(x, y)), mpf(not first(x, y)), mpf(0), mpf(0), mpf(0))


def copysign(x, y):
    s = signum(x) * signum(y)
    return x * s, s, mpf(0), mpf(0), mpf(0), mpf(0)


def leaky_relu(x, slope):
    if x > 0:
        return x, mpf(1), mpf(0), mpf(0), mpf(0), mpf(0)
    return slope * x, slope, x, mpf(0), mpf(1), mpf(0)


BINARY = {
    "add": lambda x, y: (x + y, mpf(1), mpf(1), mpf(0), mpf(0), mpf(0)),
    "sub": lambda x, y: (x - y, mpf(1), mpf(-1), mpf(0), mpf(0), mpf(0)),
    "mul": lambda x, y: (x * y, y, x, mpf(0), mpf(1), mpf(0)),
    "div": lambda x, y: (x / y, 1 / y, -x / y**2, mpf(0), -1 / y**2, 2 * x / y**3),
    "rem": remainder(lambda a, b: math.trunc(a / b)),
    "rem_euclid": remainder(lambda a, b: math.floor(a / b) if b > 0 else math.ceil(a / b)),
    "powf": powf,
    "log": log,
    "atan2": atan2,
    "hypot": hypot,
    "min": choose(lambda x, y: x < y),
    "max": choose(lambda x, y: x > y),
    "copysign": copysign,
    "leaky_relu": leaky_relu,
    "xlogy": xlogy,
    "logaddexp": logaddexp,
}


def mul_add(x, a, b):
    one, zero = mpf(1), mpf(0)
    return x * a + b, a, x, one, zero, one, zero, zero, zero, zero


def clamp(x, low, high):
    which = 1 if x < low else 2 if x > high else 0
    return ((x, low, high)[which], *(mpf(i == which) for i in range(3)), *(mpf(0),) * 6)


TERNARY = {"mul_add": mul_add, "clamp": clamp}


# ------------------------------------------------------------------ points

TINY = [5e-324, 1.1e-320, 3.3e-310, 2.2250738585072014e-308, 1e-300, 1e-200, 3e-155, 1e-100, 7e-55, 1e-20, 1e-9, 1e-5]
HUGE = [1e5, 3e9, 1e16, 1e30, 7e77, 1e100, 1.3e154, 1e160, 1e200, 2e300, 1.7e308, sys.float_info.max]


def both(points):
    return [s * p for p in points for s in (1, -1)]


def near(x, count=6, side=0):
    """Doubles on both sides of x (or one), from its neighbours outwards."""
    steps = [ULP * 8.0**k * max(abs(x), 0.5) for k in range(count)]
    return [x + s * d for d in steps for s in ((1, -1) if side == 0 else (side,))]


class Points:
    def __init__(self, name):
        self.random = random.Random("scalargrad " + name)

    def flat(self, low, high, count):
        return [self.random.uniform(low, high) for _ in range(count)]

    def log(self, low, high, count):
        """Magnitudes with exponents to base 2 uniform in [low, high]."""
        points = []
        while len(points) < count:
            e = self.random.uniform(low, high)
            x = math.ldexp(2.0 ** (e - math.floor(e)), math.floor(e)) if e < 1024 else INF
            if 0 < x < INF:
                points.append(x)
        return points

    def signed(self, low, high, count):
        return [x * self.random.choice((1, -1)) for x in self.log(low, high, count)]


def unary_points(name, n=None):
    p = Points(f"{name} {n}")
    line = [0.0, *both(TINY), *both(HUGE), *p.signed(-1074, 1024, 20), *p.flat(-4, 4, 20)]
    positive = [*TINY, *HUGE, *p.log(-1074, 1024, 25), *p.flat(0, 4, 15), *near(1.0)]
    unit = [0.0, *both(TINY), *both([0.5, 0.75]), *both(near(1.0, 12, -1)), *p.flat(-1, 1, 20), *p.signed(-1074, 0, 10)]
    small = [0.0, *both(TINY), *p.signed(-60, 0, 12)]
    match name:
        case "neg" | "to_degrees" | "to_radians" | "asinh" | "atan":
            return line + p.flat(-40, 40, 10)
        case "abs" | "signum" | "relu" | "recip" | "cbrt":
            return [x for x in line if x] + p.flat(-40, 40, 10)
        case "sqrt" | "ln" | "log2" | "log10":
            return positive
        case "exp" | "exp_m1":
            extremes = [-750.0, -745.1, -744.0, -720.5, -708.4, -708.3, -600.0, 600.0, 709.0, 709.78, 709.79, 800.0]
            return small + extremes + p.flat(-745, 709.7, 30) + p.flat(-3, 3, 25)
        case "exp2":
            extremes = [-1080.0, -1074.5, -1073.0, -1040.25, -1022.5, -1022.0, 1000.0, 1023.9, 1024.0]
            return small + extremes + p.flat(-1074, 1023.9, 30) + p.flat(-3, 3, 25)
        case "ln_1p":
            return [x for x in line if x > -1] + near(-1.0, 14, 1) + p.flat(-1, 1, 20)
        case "sin" | "cos" | "tan":
            multiples = [k * math.pi / 2 for k in (-7, -3, -2, -1, 1, 2, 3, 4, 5, 100, 12345)]
            return line + multiples + [x + 1e-7 for x in multiples] + p.flat(-100, 100, 15)
        case "asin" | "acos" | "atanh":
            return unit
        case "sinh" | "cosh":
            return small + both([20.0, 100.0, 700.0, 709.9, 710.4, 710.6]) + p.flat(-710, 710, 25) + p.flat(-3, 3, 25)
        case "tanh":
            return small + both([0.5493, 1.0, 9.0, 20.0, 100.0, 300.0, 354.5, 372.0, 373.0, 400.0]) + p.flat(
                -372, 372, 20
            ) + p.flat(-3, 3, 25)
        case "acosh":
            return near(1.0, 14, 1) + HUGE + p.flat(1, 5, 20) + p.log(0, 1024, 20)
        case "floor" | "ceil" | "round" | "trunc" | "fract":
            whole = [1.0, -1.0, 2.0, -3.0, 1000.0, 4503599627370495.0]
            close = [y for w in whole for y in (math.nextafter(w, INF), math.nextafter(w, -INF))]
            half = [y for w in (0.5, -0.5, 2.5, -3.5, 1e6 + 0.5) for y in (math.nextafter(w, INF), math.nextafter(w, -INF))]
            kinks = lambda x: x == int(x) or (name == "round" and abs(x) % 1 == 0.5)
            points = both(TINY) + close + half + p.flat(-40, 40, 20) + p.signed(-1074, 52, 30)
            return [x for x in points if not kinks(x)]
        case "sigmoid" | "softplus" | "silu":
            extremes = both([20.0, 36.7, 100.0, 350.0, 700.0, 708.0, 709.5, 720.0, 740.0, 744.5])
            zeros = near(-1.278464542761074, 5) + near(2.399357280515468, 4) if name == "silu" else []
            return small + extremes + zeros + p.flat(-744, 744, 20) + p.flat(-5, 5, 30)
        case "gelu" | "normal_cdf":
            extremes = [-38.4, -38.2, -37.6, -37.5, -37.0, -30.001, -30.0, -29.999, -20.0, 8.2, 8.3, 9.0, 20.0, 37.0, 38.4]
            zeros = near(-0.751791524693564, 5) + near(math.sqrt(2), 4) if name == "gelu" else []
            return small + extremes + zeros + p.flat(-38, 38, 20) + p.flat(-6, 6, 30)
        case "erf" | "erfc":
            extremes = both([0.84, 1.25, 5.9, 6.0, 10.0, 20.0, 26.0, 26.5, 26.6, 27.0, 27.2])
            return small + extremes + p.flat(-27, 27, 20) + p.flat(-6, 6, 30)
        case "gamma":
            poles = [-k + s * d for k in (1, 2, 5, 20, 100) for d in (2.0**-40, 2.0**-20, 0.01) for s in (1, -1)]
            extremes = [171.6, 171.62, 170.9, 140.5, -150.5, -169.6, -170.4, -171.3, -175.5, -177.7]
            tiny = both([x for x in TINY if x > 1e-308])
            return tiny + poles + extremes + p.flat(0, 171, 25) + p.flat(-20, 5, 25) + near(1.4616321449683622, 4)
        case "ln_gamma" | "digamma":
            tiny = both([x for x in TINY if x > 1e-308])
            poles = [-k + s * d for k in (1, 2, 5, 20, 1000) for d in (2.0**-40, 2.0**-20, 0.01) for s in (1, -1)]
            zeros = near(1.0, 5) + near(2.0, 5) + near(1.4616321449683622, 5)
            huge = [x for x in HUGE if x < 1e305]
            return tiny + poles + zeros + huge + p.flat(0, 20, 25) + p.flat(-20, 0, 20) + p.log(-60, 60, 12)
        case "polygamma":
            poles = [-k + s * d for k in (1, 2, 5, 20) for d in (2.0**-20, 0.01) for s in (1, -1)]
            least = 2.0 ** -int(900 / (n + 3))
            signs = both([x for x in TINY if x > least])
            most = [x for x in [40.0, 100.0, *HUGE] if x < 2.0 ** min(1070 // n, 1023)]
            return signs + poles + most + [1e-200, 1e200] + p.flat(0, 30, 30) + p.flat(-20, 0, 20) + p.log(-8, 8, 10)
        case "sinc":
            return line + p.flat(-40, 40, 25) + near(math.pi, 4) + near(4.493409457909064, 4)
        case "powi":
            reach = min(1074 / abs(n), 1074) if n else 1074
            ends = min(1060 / max(1, abs(n - 2)), 1020)
            points = p.signed(-reach, min(reach, 1024), 16) + p.signed(-ends, ends, 16)
            edges = [-1073.5, -1050.3, -1022.7, -1000.2, 1000.2, 1022.7, 1023.7]
            points += [2.0 ** (t / n) for t in edges if n and abs(t / n) < 1022]
            return points + both([0.5, 0.75, 1.0, 1.25, 2.0]) + both(near(1.0, 3))
    raise KeyError(name)


def unary_ends(name, n=None):
    """More points at both ends of the domain, and where a result leaves the normal range."""
    p = Points(f"ends of {name} {n}")
    tiny = [*p.log(-1074, -1000, 8), *p.log(-560, -480, 6), *p.log(-380, -330, 4)]
    huge = [*p.log(330, 380, 4), *p.log(480, 560, 6), *p.log(960, 1024, 8)]
    close = lambda count=24: [p.random.uniform(1, 2) * 2.0 ** -k for k in range(2, 2 + 2 * count, 2)]
    match name:
        case "neg" | "to_degrees" | "to_radians" | "abs" | "relu" | "fract" | "floor" | "ceil" | "round" | "trunc" | "signum":
            return []
        case "sqrt" | "ln" | "log2" | "log10":
            return tiny + huge
        case "asin" | "acos" | "atanh":
            return both(tiny) + both([1 - d for d in close() if 1 - d < 1])
        case "acosh":
            return [1 + d for d in close() if 1 + d > 1] + huge
        case "ln_1p":
            return both(tiny) + huge + [d - 1 for d in close() if d - 1 > -1]
        case "tan":
            return both(tiny) + [s * math.pi / 2 + t * d for s in (1, -1, 3) for t in (1, -1) for d in close(12)]
        case "exp" | "exp_m1":
            return both(tiny) + p.flat(-745.2, -700, 16) + p.flat(700, 709.79, 8)
        case "exp2":
            return both(tiny) + p.flat(-1075, -1010, 16) + p.flat(1015, 1024, 8)
        case "sinh" | "cosh":
            return both(tiny) + both(p.flat(700, 710.47, 8))
        case "tanh":
            return both(tiny) + both(p.flat(340, 374, 16))
        case "sigmoid" | "softplus" | "silu":
            return both(tiny) + both(p.flat(690, 746, 20)) + both(p.flat(30, 690, 8))
        case "gelu" | "normal_cdf":
            return both(tiny) + both(p.flat(36, 39, 24))
        case "erf" | "erfc":
            return both(tiny) + both(p.flat(26, 27.4, 24))
        case "gamma":
            poles = [-k + s * d for k in (1, 2, 7, 150) for d in close(8) for s in (1, -1)]
            return [x for x in poles if x % 1] + p.flat(168, 171.62, 12) + p.flat(-184, -168, 24)
        case "ln_gamma" | "digamma":
            poles = [-k + s * d for k in (1, 2, 7, 150) for d in close(8) for s in (1, -1)]
            return [x for x in poles if x % 1] + both([x for x in tiny if x > 1e-308]) + p.log(900, 1000, 8)
        case "recip" | "cbrt" | "asinh" | "atan" | "sinc" | "sin" | "cos":
            return both(tiny) + both(huge)
        case "powi" if n:
            # Where the power or one of its derivatives leaves the range.
            steps = [t / m for t in (-1074, -1022, 1023) for m in (n, n - 1, n - 2) if m and abs(t / m) < 1022]
            return [p.random.choice((1, -1)) * 2.0 ** (t + p.random.uniform(-1, 1) / abs(n)) for t in steps for _ in range(3)]
    return []


def binary_ends(name):
    """More pairs of operands of which one or both are at an end of the range."""
    p = Points(f"ends of {name}")
    if name in ("add", "sub", "mul", "rem", "rem_euclid", "min", "max", "copysign", "leaky_relu"):
        return []
    bands = [(-1074, -1000), (-600, -480), (-380, -330), (-2, 2), (330, 380), (480, 600), (1000, 1024)]
    pairs = [(p.log(*a, 1)[0], p.log(*b, 1)[0]) for a in bands for b in bands for _ in range(2)]
    # Of one size.
    pairs += [(x, x * p.random.uniform(0.25, 3)) for a in bands for x in p.log(*a, 4)]
    close = [s * 2.0 ** -k * p.random.uniform(1, 2) for k in range(1, 52, 5) for s in (1, -1)]
    sign = lambda x: x * p.random.choice((1, -1))
    match name:
        case "log":
            pairs += [(x, 1 + d) for x, _ in pairs[:40:4] for d in close[::3]] + [(1 + d, b) for _, b in pairs[:40:4] for d in close[::3]]
        case "powf":
            # The result, or one that is divided by the base once or twice, at an end of the range.
            bases = [x for x, _ in pairs[::3]] + [1 + d for d in close]
            ends = (-744, -708, 709)
            pairs = [(x, p.random.uniform(0.98, 1) * e / math.log(x) + k) for x in bases for e in ends for k in (0, 1, 2)]
        case "xlogy":
            pairs = [(sign(x), y) for x, y in pairs]
        case "logaddexp":
            pairs = [(x, x + d) for x in (0.0, 3.5, -700.0, 1e5) for d in p.flat(-746, -690, 5) + p.flat(690, 746, 5)]
            pairs += [(x, x + d) for x in (0.0, 1.0) for d in close]
        case _:
            pairs = [(sign(x), sign(y)) for x, y in pairs]
    return [(x, y) for x, y in pairs if abs(x) < INF and 0 < abs(y) < INF]


def binary_points(name):
    p = Points(name)
    pairs = lambda count, f, g: [(f(), g()) for _ in range(count)]
    anywhere = lambda: p.signed(-1074, 1024, 1)[0]
    middle = lambda: p.signed(-40, 40, 1)[0]
    positive = lambda: p.log(-1074, 1024, 1)[0]
    choice = p.random.choice
    uniform = p.random.uniform

    def alike(low, high, apart):
        e = uniform(low, high)
        a, b = p.signed(e, e + 1, 1)[0], p.signed(e - apart, e, 1)[0]
        return choice(((a, b), (b, a)))

    match name:
        case "add" | "sub" | "mul":
            close = [(x, sign * x * (1 + ULP)) for x in (1.0, 1e-300, 1e300, 0.1) for sign in (1, -1)]
            return close + pairs(30, anywhere, anywhere) + pairs(30, middle, middle)
        case "div":
            small = []
            while len(small) < 15:  # the quotient is subnormal
                y = anywhere()
                x = y * 2.0 ** uniform(-1060, -1023) if abs(y) > 2.0**-1020 else 0.0
                if x:
                    small.append((x, y))
            # Where the quotient, or the square of the divisor, leaves the range.
            ends = [(x, y) for x in (5e-324, -1e-160, 0.5, 3.0) for y in (1e150, 1e155, -1e300, 1e308)]
            zero = [(0.0, 3.0), (0.0, -1e-200)]
            return small + zero + pairs(40, anywhere, anywhere) + pairs(40, middle, middle) + ends
        case "rem" | "rem_euclid":
            points = []
            for _ in range(70):
                y = p.signed(-1000, 900, 1)[0]
                x = choice((y * p.random.randrange(1, 2 ** p.random.randrange(2, 50)) * (1 + choice((1, -1)) * ULP), y * middle()))
                points.append((x, y))
            points += [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0), (-5.5, -2.0), (1.7e308, 5.1e307), (-1.7e308, 5.1e307)]
            points += [(2.5e-320, 1e-320), (-2.5e-320, 1e-320), (1e-5, 3e200), (-1e-5, 3.0)]
            return [(x, y) for x, y in points if abs(x) < INF and exact(mpf(x)) % exact(mpf(y)) != 0]
        case "powf":
            points = []
            while len(points) < 75:
                x = choice((positive, lambda: 1 + p.signed(-50, -1, 1)[0], lambda: uniform(0, 8)))()
                y = choice(
                    (
                        lambda: uniform(-745, 709) / math.log(x),
                        lambda: choice((-1, 1)) * uniform(650, 744) / math.log(x),
                        lambda: uniform(-4, 4),
                        lambda: p.random.randrange(-24, 25) / 4,
                        lambda: p.signed(-40, 0, 1)[0],
                        lambda: 1 + p.signed(-40, -2, 1)[0],
                    )
                )() if x != 1 else uniform(-3, 3)
                if abs(y * math.log(x)) < 760:
                    points.append((x, y))
            return points + [(-x, float(n)) for x in (0.3, 1.5, 1e30, 1e-30) for n in (-3, -2, -1, 1, 2, 3, 7, 10)]
        case "log":
            points = [(positive(), positive()) for _ in range(40)]
            points += [(uniform(0, 5), choice((2.0, 10.0, 0.5, 3.7))) for _ in range(25)]
            points += [(x, b) for x in near(1.0, 4) for b in (2.0, 10.0)]
            return points + [(x, b) for x in (3.0, 1e-300, 1e300) for b in near(1.0, 4)]
        case "atan2" | "hypot":
            points = pairs(25, anywhere, anywhere) + pairs(20, middle, middle)
            for low, high, apart in ((-1070, 1020, 3), (-300, 300, 3), (-300, 300, 60), (1015, 1022, 2), (-1074, -1020, 4)):
                points += [alike(low, high, apart) for _ in range(10)]
            axis = [(0.0, 2.0), (2.0, 0.0), (-3.0, 0.0)] + ([(0.0, -2.0)] if name == "hypot" else [])
            return [q for q in points + axis if q[0] or q[1]]
        case "min" | "max":
            close = [(x, y) for x in (1.0, -1.0, 1e300, 1e-310) for y in (math.nextafter(x, INF), math.nextafter(x, -INF))]
            return close + pairs(30, anywhere, anywhere) + pairs(25, middle, middle)
        case "copysign":
            return pairs(35, anywhere, anywhere) + pairs(25, middle, middle)
        case "leaky_relu":
            edge = [(x, 0.01) for x in both(TINY)]
            return edge + [(middle(), uniform(-1, 2)) for _ in range(30)] + [(anywhere(), p.flat(0, 1, 1)[0]) for _ in range(20)]
        case "xlogy":
            zero = [(0.0, y) for y in (1e-300, 0.5, 1.0, 3.0)]
            one = [(x, y) for x in (2.0, -1e-300, 1e300) for y in near(1.0, 4)]
            return zero + one + pairs(40, anywhere, positive) + [(middle(), uniform(0, 5)) for _ in range(20)]
        case "logaddexp":
            points = [(uniform(-745, 745), uniform(-10, 10)) for _ in range(25)]
            for a in (0.0, 1e-3, -3.0, 100.0, -700.0, 1e6, -1e6, 1e300):
                points += [(a, a + d) for d in (0.0, uniform(-3, 3), uniform(-40, 40), -uniform(40, 740))]
            points += [(x, -40 * uniform(0.5, 1)) for x in p.signed(-60, 0, 10)]
            zero = -math.log(2)
            return points + [(a, math.log(-math.expm1(a))) for a in (zero, -0.5, -0.1, -2.0)] + pairs(10, middle, middle)
    raise KeyError(name)


def ternary_points(name):
    p = Points(name)
    middle = lambda: p.signed(-40, 40, 1)[0]
    if name == "mul_add":
        points = [(middle(), middle(), middle()) for _ in range(40)]
        points += [tuple(p.signed(-1074, 1024, 3)) for _ in range(20)]
        return points + [(x, y, -x * y) for x, y in ((0.1, 0.3), (1 + ULP, 1 - ULP), (1e160, 3.3e140), (1e-100, 7.7e-90))]
    points = []
    for _ in range(60):
        low, high = sorted((middle(), middle()))
        inside = p.random.uniform(low, high)
        points.append((p.random.choice((inside, middle())), low, high))
    close = [(b + s * ULP, -1.0, 1.0) for b in (-1.0, 1.0) for s in (1, -1)]
    return [q for q in points + close if q[0] not in q[1:]]


# ------------------------------------------------------------------ output


def rows(name, f, points, param=None):
    seen = set()
    for point in points:
        operands = point if isinstance(point, tuple) else (point,)
        key = tuple(map(repr, operands))
        if key in seen:
            continue
        seen.add(key)
        results = evaluate(f, operands)
        cells = [name] + ([] if param is None else [param])
        cells += [number(x) for x in operands] + [number(v) for v, _ in results]
        scales = ["-" if s is None else f"{s:.3e}" for _, s in results]
        cells.append(" ".join(scales) if any(s != "-" for s in scales) else "")
        yield ",".join(cells)


def write(path, header, lines):
    lines = list(lines)
    path.write_text(header + "\n" + "\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines)} rows, {path.stat().st_size} bytes")


def unary_family():
    for name, f in UNARY.items():
        yield name, "", f, unary_points(name) + unary_ends(name)
    for n in POWERS:
        yield "powi", str(n), powi(n), unary_points("powi", n) + unary_ends("powi", n)
    for n in ORDERS:
        yield "polygamma", str(n), polygamma(n), unary_points("polygamma", n)


def generate():
    here = Path(__file__).resolve().parent
    write(
        here / "unary.csv",
        "op,param,x,value,d1,d2,scale",
        (line for name, n, f, points in unary_family() for line in rows(name, f, points, n)),
    )
    write(
        here / "binary.csv",
        "op,x,y,value,dx,dy,dxx,dxy,dyy,scale",
        (line for name, f in BINARY.items() for line in rows(name, f, binary_points(name) + binary_ends(name))),
    )
    write(
        here / "ternary.csv",
        "op,x,y,z,value,dx,dy,dz,dxx,dxy,dxz,dyy,dyz,dzz,scale",
        (line for name, f in TERNARY.items() for line in rows(name, f, ternary_points(name))),
    )


def check():
    """Closed forms against central differences of 500 digits, at moderate points."""
    mp.dps = 500
    h = mpf(10) ** -120
    worst = {}

    def compare(name, exact_value, difference, size):
        error = abs(exact_value - difference) / max(abs(exact_value), size)
        worst[name] = max(worst.get(name, 0), error)

    for name, n, f, points in unary_family():
        for x in [x for x in points if 1e-3 < abs(x) < 30][-12:]:
            g = lambda t: plain(f(t)[0])
            x = mpf(x)
            _, d1, d2 = map(plain, f(x))
            compare(name + n, d1, (g(x + h) - g(x - h)) / (2 * h), mpf(10) ** -60)
            compare(name + n, d2, (g(x + h) - 2 * g(x) + g(x - h)) / h**2, mpf(10) ** -60)
    for table, source in ((BINARY, binary_points), (TERNARY, ternary_points)):
        for name, f in table.items():
            if name.startswith("rem"):
                continue
            moderate = [q for q in source(name) if all(1e-3 < abs(x) < 30 for x in q)]
            for q in moderate[-12:]:
                q = [mpf(x) for x in q]
                k = len(q)
                g = lambda *t: plain(f(*t)[0])
                move = lambda *moves: [x + sum(s * h for i, s in moves if i == j) for j, x in enumerate(q)]
                results = [r if isinstance(r, float) else plain(r) for r in f(*q)]
                seconds = [(i, j) for i in range(k) for j in range(i, k)]
                for i in range(k):
                    if results[1 + i] == results[1 + i]:
                        compare(name, results[1 + i], (g(*move((i, 1))) - g(*move((i, -1)))) / (2 * h), mpf(10) ** -60)
                for (i, j), value in zip(seconds, results[1 + k :]):
                    if value != value:
                        continue
                    four = [s * t * g(*move((i, s), (j, t))) for s in (1, -1) for t in (1, -1)]
                    compare(name, value, sum(four) / (4 * h * h), mpf(10) ** -60)
    for name, error in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{name:14} {mp.nstr(error, 3)}")
    assert max(worst.values()) < mpf(10) ** -50
    mp.prec = 512
    for n in (1, 2, 5, 12):
        for x in (mpf("0.3"), mpf("7.25"), mpf(100)):
            other = mp.factorial(n) * mp.zeta(n + 1, x)
            assert abs(zeta(n, x) / other - 1) < mpf(10) ** -90, (n, x)
    print("every closed form agrees")


def digamma():
    """Rational interpolation of ψ(x)/(x − x₀) in x − 1 at the Chebyshev points of [1, 2]."""
    mp.dps = 80
    zero = mp.findroot(mp.digamma, mpf("1.46163214496836234"))
    high = float(zero)
    print("zero", repr(high), repr(float(zero - high)))
    over, under = 5, 6
    count = over + under + 1
    matrix, right = mp.matrix(count, count), mp.matrix(count, 1)
    for row in range(count):
        t = mpf(1) / 2 + mp.cos(mp.pi * (2 * row + 1) / (2 * count)) / 2
        y = mp.digamma(1 + t) / (1 + t - zero)
        for k in range(over + 1):
            matrix[row, k] = t**k
        for k in range(1, under + 1):
            matrix[row, over + k] = -y * t**k
        right[row] = y
    solution = mp.lu_solve(matrix, right)
    print("P", [float(solution[k]) for k in range(over + 1)])
    print("Q", [1.0] + [float(solution[over + k]) for k in range(1, under + 1)])


if __name__ == "__main__":
    mode = sys.argv[1:]
    {(): generate, ("--check",): check, ("--digamma",): digamma}[tuple(mode)]()
