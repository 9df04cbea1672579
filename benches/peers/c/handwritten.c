/* The gradients of the workloads, written by hand: the floor of every comparison.
 *
 * Each function computes the value and the gradient of the workload of the same name in `benches/workloads`, whose
 * hand-written Rust twin has the same steps. Compiled with -O3, nothing else. */

#include <math.h>
#include <stddef.h>
#include <string.h>

/* A */
double product(const double *restrict in, double *restrict gradient) {
    double x = in[0], y = in[1], z = in[2];
    double p = x * y, q = y * z, u = p * q;
    double dp = 2.0 * u * q, dq = 2.0 * u * p;
    gradient[0] = dp * y;
    gradient[1] = dp * x + dq * z;
    gradient[2] = dq * y;
    return u * u;
}

/* B */
double rosenbrock(size_t n, const double *restrict x, double *restrict gradient) {
    double value = 0.0;
    gradient[0] = 0.0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i];
        double b = 1.0 - x[i];
        value += 100.0 * a * a + b * b;
        gradient[i] -= 400.0 * a * x[i] + 2.0 * b;
        gradient[i + 1] = 200.0 * a;
    }
    return value;
}

/* C and R */
enum { HIDDEN = 16, FIRST = HIDDEN * 3, SECOND = HIDDEN * (HIDDEN + 1), PARAMETERS = FIRST + SECOND + HIDDEN + 1 };
static const double REGULARISATION = 1e-4;

static inline double activation(int margin, double s) {
    return margin ? (s > 0.0 ? s : 0.0) : tanh(s);
}

static inline double slope(int margin, double h) {
    return margin ? (double)(h > 0.0) : 1.0 - h * h;
}

/* Compiled once for each loss, without a trace of the other. */
static inline __attribute__((always_inline)) double
network(int margin, size_t samples, const double (*restrict xs)[2], const double *restrict targets,
        const double *restrict parameters, double *restrict gradient) {
    const double *w1 = parameters, *w2 = w1 + FIRST, *w3 = w2 + SECOND;
    double *d1 = gradient, *d2 = d1 + FIRST, *d3 = d2 + SECOND;
    double squares = 0.0;
    for (int i = 0; i < PARAMETERS; i++) {
        squares += parameters[i] * parameters[i];
        gradient[i] = 2.0 * REGULARISATION * parameters[i];
    }
    double loss = 0.0;
    for (size_t n = 0; n < samples; n++) {
        double x = xs[n][0], y = xs[n][1], target = targets[n];
        double h1[HIDDEN], h2[HIDDEN];
        for (int j = 0; j < HIDDEN; j++) {
            const double *w = w1 + 3 * j;
            h1[j] = activation(margin, w[2] + w[0] * x + w[1] * y);
        }
        for (int j = 0; j < HIDDEN; j++) {
            const double *w = w2 + (HIDDEN + 1) * j;
            double s = w[HIDDEN];
            for (int i = 0; i < HIDDEN; i++)
                s += w[i] * h1[i];
            h2[j] = activation(margin, s);
        }
        double score = w3[HIDDEN];
        for (int i = 0; i < HIDDEN; i++)
            score += w3[i] * h2[i];

        double dscore;
        if (margin) {
            double slack = 1.0 - target * score;
            if (slack <= 0.0)
                continue;
            loss += slack;
            dscore = -target / (double)samples;
        } else {
            double error = score - target;
            loss += error * error;
            dscore = 2.0 * error / (double)samples;
        }
        double dh1[HIDDEN] = {0.0};
        for (int j = 0; j < HIDDEN; j++) {
            const double *w = w2 + (HIDDEN + 1) * j;
            double *d = d2 + (HIDDEN + 1) * j;
            double ds = dscore * w3[j] * slope(margin, h2[j]);
            d3[j] += dscore * h2[j];
            for (int i = 0; i < HIDDEN; i++) {
                dh1[i] += ds * w[i];
                d[i] += ds * h1[i];
            }
            d[HIDDEN] += ds;
        }
        d3[HIDDEN] += dscore;
        for (int j = 0; j < HIDDEN; j++) {
            double *d = d1 + 3 * j;
            double ds = dh1[j] * slope(margin, h1[j]);
            d[0] += ds * x;
            d[1] += ds * y;
            d[2] += ds;
        }
    }
    return loss / (double)samples + REGULARISATION * squares;
}

double network_tanh(size_t samples, const double (*restrict xs)[2], const double *restrict targets,
                    const double *restrict parameters, double *restrict gradient) {
    return network(0, samples, xs, targets, parameters, gradient);
}

double network_relu(size_t samples, const double (*restrict xs)[2], const double *restrict targets,
                    const double *restrict parameters, double *restrict gradient) {
    return network(1, samples, xs, targets, parameters, gradient);
}

/* D */
double black_scholes(size_t paths, const double *restrict normals, const double *restrict in,
                     double *restrict gradient) {
    double spot = in[0], strike = in[1], rate = in[2], sigma = in[3], time = in[4];
    double drift = (rate - 0.5 * sigma * sigma) * time;
    double volatility = sigma * sqrt(time);
    double payoffs = 0.0, prices = 0.0, weighted = 0.0, exercised = 0.0;
    for (size_t i = 0; i < paths; i++) {
        double z = normals[i];
        double price = spot * exp(drift + volatility * z);
        if (price > strike) {
            payoffs += price - strike;
            prices += price;
            weighted += price * z;
            exercised += 1.0;
        }
    }
    double discount = exp(-rate * time) / (double)paths;
    double value = discount * payoffs;
    double ddrift = discount * prices, dvolatility = discount * weighted;
    gradient[0] = discount * prices / spot;
    gradient[1] = -discount * exercised;
    gradient[2] = ddrift * time - value * time;
    gradient[3] = dvolatility * sqrt(time) - ddrift * sigma * time;
    gradient[4] = ddrift * (rate - 0.5 * sigma * sigma) + dvolatility * 0.5 * sigma / sqrt(time) - value * rate;
    return value;
}

/* E */
enum { D = 10, K = 5, FACTOR = D * (D + 1) / 2, MIXTURE = K + K * D + K * FACTOR };
static const double WISHART_GAMMA = 1.0, WISHART_M = 0.0;

/* Adds `weight` times the logarithm of the sum of exponentials to `value` and computes its derivatives. */
static inline void softmax(double *value, double weight, const double terms[K], double shares[K]) {
    double shift = terms[0], sum = 0.0;
    for (int k = 1; k < K; k++)
        shift = terms[k] > shift ? terms[k] : shift;
    for (int k = 0; k < K; k++) {
        shares[k] = exp(terms[k] - shift);
        sum += shares[k];
    }
    *value += weight * (log(sum) + shift);
    for (int k = 0; k < K; k++)
        shares[k] /= sum;
}

double mixture(size_t samples, const double (*restrict xs)[D], double constant, const double *restrict in,
               double *restrict gradient) {
    const double *alphas = in, *means = alphas + K, *factors = means + K * D;
    double *dalphas = gradient, *dmeans = dalphas + K, *dfactors = dmeans + K * D;
    memset(gradient, 0, MIXTURE * sizeof(double));

    double diagonals[K][D], log_determinants[K] = {0.0};
    for (int k = 0; k < K; k++) {
        for (int i = 0; i < D; i++) {
            diagonals[k][i] = exp(factors[k * FACTOR + i]);
            log_determinants[k] += factors[k * FACTOR + i];
        }
    }

    double value = constant;
    double ddiagonals[K][D] = {{0.0}}, dlog_determinants[K] = {0.0};
    for (size_t n = 0; n < samples; n++) {
        double centred[K][D], scaled[K][D], terms[K], shares[K];
        for (int k = 0; k < K; k++) {
            for (int i = 0; i < D; i++) {
                centred[k][i] = xs[n][i] - means[k * D + i];
                scaled[k][i] = diagonals[k][i] * centred[k][i];
            }
            const double *below = factors + k * FACTOR + D;
#pragma GCC unroll 10
            for (int column = 0; column < D; column++) {
                int rows = D - 1 - column;
                double *below_diagonal = scaled[k] + column + 1;
                for (int i = 0; i < rows; i++)
                    below_diagonal[i] += below[i] * centred[k][column];
                below += rows;
            }
            double squares = 0.0;
            for (int i = 0; i < D; i++)
                squares += scaled[k][i] * scaled[k][i];
            terms[k] = alphas[k] + log_determinants[k] - 0.5 * squares;
        }

        softmax(&value, 1.0, terms, shares);
        for (int k = 0; k < K; k++) {
            double share = shares[k], dscaled[D], dcentred[D];
            dalphas[k] += share;
            dlog_determinants[k] += share;
            for (int i = 0; i < D; i++) {
                dscaled[i] = -share * scaled[k][i];
                ddiagonals[k][i] += dscaled[i] * centred[k][i];
                dcentred[i] = dscaled[i] * diagonals[k][i];
            }
            const double *below = factors + k * FACTOR + D;
            double *dbelow = dfactors + k * FACTOR + D;
#pragma GCC unroll 10
            for (int column = 0; column < D; column++) {
                int rows = D - 1 - column;
                const double *ds = dscaled + column + 1;
                for (int i = 0; i < rows; i++) {
                    dbelow[i] += ds[i] * centred[k][column];
                    dcentred[column] += ds[i] * below[i];
                }
                below += rows;
                dbelow += rows;
            }
            for (int i = 0; i < D; i++)
                dmeans[k * D + i] -= dcentred[i];
        }
    }

    double weight = -(double)samples, shares[K], gamma = WISHART_GAMMA * WISHART_GAMMA;
    softmax(&value, weight, alphas, shares);
    for (int k = 0; k < K; k++) {
        dalphas[k] += weight * shares[k];
        value -= WISHART_M * log_determinants[k];
        dlog_determinants[k] -= WISHART_M;
        const double *factor = factors + k * FACTOR;
        double *dfactor = dfactors + k * FACTOR;
        for (int i = 0; i < D; i++) {
            double diagonal = diagonals[k][i];
            value += 0.5 * gamma * diagonal * diagonal;
            dfactor[i] = (ddiagonals[k][i] + gamma * diagonal) * diagonal + dlog_determinants[k];
        }
        for (int i = D; i < FACTOR; i++) {
            value += 0.5 * gamma * factor[i] * factor[i];
            dfactor[i] += gamma * factor[i];
        }
    }
    return value;
}

/* F */
static inline double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void cross(const double a[3], const double b[3], double out[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

void bundle_adjustment(const double *restrict feature, const double *restrict in, double *restrict value,
                       double (*restrict gradient)[15]) {
    const double *rotation = in, *centre = in + 3, *principal = in + 7, *space = in + 11;
    double focal = in[6], k1 = in[9], k2 = in[10], weight = in[14];
    double angle = sqrt(dot(rotation, rotation));
    double sine = sin(angle), cosine = cos(angle), inverse = 1.0 / angle;
    double axis[3], point[3], across[3], turned[3];
    for (int i = 0; i < 3; i++) {
        axis[i] = rotation[i] * inverse;
        point[i] = space[i] - centre[i];
    }
    cross(axis, point, across);
    double axis_point = dot(axis, point), along = axis_point * (1.0 - cosine);
    for (int i = 0; i < 3; i++)
        turned[i] = point[i] * cosine + across[i] * sine + axis[i] * along;
    double depth = 1.0 / turned[2];
    double projected[2] = {turned[0] * depth, turned[1] * depth};
    double square = projected[0] * projected[0] + projected[1] * projected[1];
    double distortion = 1.0 + k1 * square + k2 * square * square;

    for (int m = 0; m < 2; m++) {
        double residual = projected[m] * distortion * focal + principal[m] - feature[m];
        value[m] = weight * residual;

        double ddistortion = weight * projected[m] * focal;
        double dsquare = ddistortion * (k1 + 2.0 * k2 * square);
        double dprojected[2] = {2.0 * dsquare * projected[0], 2.0 * dsquare * projected[1]};
        dprojected[m] += weight * distortion * focal;
        double dturned[3] = {
            dprojected[0] * depth,
            dprojected[1] * depth,
            -(dprojected[0] * projected[0] + dprojected[1] * projected[1]) * depth,
        };

        double dalong = dot(dturned, axis), daxis_point = dalong * (1.0 - cosine);
        double dcosine = dot(dturned, point) - dalong * axis_point, dsine = dot(dturned, across);
        double by_axis[3], by_point[3], daxis[3];
        cross(dturned, axis, by_axis);
        cross(point, dturned, by_point);
        for (int i = 0; i < 3; i++)
            daxis[i] = by_point[i] * sine + dturned[i] * along + daxis_point * point[i];
        double dangle = cosine * dsine - sine * dcosine - dot(daxis, axis) * inverse;
        for (int i = 0; i < 3; i++) {
            double dpoint = dturned[i] * cosine + by_axis[i] * sine + daxis_point * axis[i];
            gradient[m][i] = daxis[i] * inverse + dangle * axis[i];
            gradient[m][3 + i] = -dpoint;
            gradient[m][11 + i] = dpoint;
        }
        gradient[m][6] = weight * projected[m] * distortion;
        gradient[m][7] = 0.0;
        gradient[m][8] = 0.0;
        gradient[m][7 + m] = weight;
        gradient[m][9] = ddistortion * square;
        gradient[m][10] = ddistortion * square * square;
        gradient[m][14] = residual;
    }
}

/* G: `store` has room for two numbers a step. */
double chain(size_t steps, const double *restrict in, double *restrict store, double *restrict gradient) {
    double x = in[0], a = in[1], b = in[2];
    for (size_t i = 0; i < steps; i++) {
        double sine = sin(x);
        store[2 * i] = x;
        store[2 * i + 1] = sine;
        x = sine * a + x * b;
    }
    double dx = 1.0, da = 0.0, db = 0.0;
    for (size_t i = steps; i-- > 0;) {
        da += dx * store[2 * i + 1];
        db += dx * store[2 * i];
        dx *= cos(store[2 * i]) * a + b;
    }
    gradient[0] = dx;
    gradient[1] = da;
    gradient[2] = db;
    return x;
}

/* H: `store` has room for two numbers a step. */
struct pair { double x, y; };

static inline struct pair rate(const double p[4], double x, double y) {
    return (struct pair){p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y};
}

/* From the adjoints of a rate to those of the state that it was taken at. */
static inline struct pair back(const double p[4], double x, double y, double drx, double dry, double gradient[4]) {
    gradient[0] += drx * x;
    gradient[1] -= drx * x * y;
    gradient[2] += dry * x * y;
    gradient[3] -= dry * y;
    return (struct pair){drx * (p[0] - p[1] * y) + dry * p[2] * y, dry * (p[2] * x - p[3]) - drx * p[1] * x};
}

double lotka_volterra(size_t steps, double dt, const double start[2], const double p[4], double *restrict store,
                      double *restrict gradient) {
    double x = start[0], y = start[1];
    for (size_t i = 0; i < steps; i++) {
        store[2 * i] = x;
        store[2 * i + 1] = y;
        struct pair k1 = rate(p, x, y);
        struct pair k2 = rate(p, x + 0.5 * dt * k1.x, y + 0.5 * dt * k1.y);
        struct pair k3 = rate(p, x + 0.5 * dt * k2.x, y + 0.5 * dt * k2.y);
        struct pair k4 = rate(p, x + dt * k3.x, y + dt * k3.y);
        x += dt / 6.0 * (k1.x + 2.0 * k2.x + 2.0 * k3.x + k4.x);
        y += dt / 6.0 * (k1.y + 2.0 * k2.y + 2.0 * k3.y + k4.y);
    }
    double value = x + y, dx = 1.0, dy = 1.0, g[4] = {0.0};
    for (size_t i = steps; i-- > 0;) {
        x = store[2 * i];
        y = store[2 * i + 1];
        struct pair k1 = rate(p, x, y);
        double xa = x + 0.5 * dt * k1.x, ya = y + 0.5 * dt * k1.y;
        struct pair k2 = rate(p, xa, ya);
        double xb = x + 0.5 * dt * k2.x, yb = y + 0.5 * dt * k2.y;
        struct pair k3 = rate(p, xb, yb);
        double xc = x + dt * k3.x, yc = y + dt * k3.y;
        struct pair d4 = back(p, xc, yc, dt / 6.0 * dx, dt / 6.0 * dy, g);
        struct pair d3 = back(p, xb, yb, dt / 3.0 * dx + dt * d4.x, dt / 3.0 * dy + dt * d4.y, g);
        struct pair d2 = back(p, xa, ya, dt / 3.0 * dx + 0.5 * dt * d3.x, dt / 3.0 * dy + 0.5 * dt * d3.y, g);
        struct pair d1 = back(p, x, y, dt / 6.0 * dx + 0.5 * dt * d2.x, dt / 6.0 * dy + 0.5 * dt * d2.y, g);
        dx += d4.x + d3.x + d2.x + d1.x;
        dy += d4.y + d3.y + d2.y + d1.y;
    }
    memcpy(gradient, g, sizeof g);
    return value;
}
