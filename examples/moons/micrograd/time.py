"""The time of one loss of this demo with its gradient, by micrograd, JAX and PyTorch: pip install micrograd jax torch"""

import pathlib
import time

import jax
import jax.numpy as jnp
import torch
from micrograd.nn import MLP

here = pathlib.Path(__file__).parent
numbers = lambda name: [float(x) for x in (here / name).read_text().split()]
points, weights = numbers("points.txt"), numbers("weights.txt")
X = [points[k : k + 2] for k in range(0, len(points), 3)]
y = points[2::3]


def fastest(f, times):
    """The least of so many measurements, which other work on the machine disturbs least."""

    def once():
        start = time.perf_counter()
        f()
        return time.perf_counter() - start

    return 1e3 * min(once() for _ in range(times))


model = MLP(2, [16, 16, 1])
for p, w in zip(model.parameters(), weights):
    p.data = w


def by_micrograd():
    losses = [(1 + -side * model(x)).relu() for x, side in zip(X, y)]
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
    model.zero_grad()
    loss.backward()
    return loss.data


jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
layers, rest = [], weights
for inputs, outputs in [(2, 16), (16, 16), (16, 1)]:
    rows, rest = rest[: (inputs + 1) * outputs], rest[(inputs + 1) * outputs :]
    layers.append(jnp.array(rows).reshape(outputs, inputs + 1))
inputs, sides = jnp.array(X), jnp.array(y)


@jax.jit
@jax.value_and_grad
def by_jax(layers):
    x = inputs
    for k, layer in enumerate(layers):
        x = x @ layer[:, :-1].T + layer[:, -1]
        x = jax.nn.relu(x) if k < 2 else x
    margin = jnp.mean(jax.nn.relu(1 - sides * x[:, 0]))
    return margin + 1e-4 * sum(jnp.sum(layer**2) for layer in layers)


torch.set_default_dtype(torch.float64)
parameters = [torch.tensor(layer.tolist(), requires_grad=True) for layer in layers]
torch_inputs, torch_sides = torch.tensor(X), torch.tensor(y)


def by_torch():
    x = torch_inputs
    for k, layer in enumerate(parameters):
        layer.grad = None
        x = x @ layer[:, :-1].T + layer[:, -1]
        x = torch.relu(x) if k < 2 else x
    margin = torch.relu(1 - torch_sides * x[:, 0]).mean()
    loss = margin + 1e-4 * sum((layer**2).sum() for layer in parameters)
    loss.backward()
    return loss


def by_torch_one_point():
    """The same as a program of scalars would do it: one point after another."""
    losses = []
    for row, side in zip(torch_inputs, torch_sides):
        x = row
        for k, layer in enumerate(parameters):
            x = layer[:, :-1] @ x + layer[:, -1]
            x = torch.relu(x) if k < 2 else x
        losses.append(torch.relu(1 - side * x[0]))
    margin = torch.stack(losses).mean()
    for layer in parameters:
        layer.grad = None
    loss = margin + 1e-4 * sum((layer**2).sum() for layer in parameters)
    loss.backward()
    return loss


print(f"micrograd: loss {by_micrograd():.12f}, {fastest(by_micrograd, 3):.3f} ms")
loss = by_jax(layers)[0]
print(f"JAX, jit:  loss {loss:.12f}, {fastest(lambda: jax.block_until_ready(by_jax(layers)), 2000):.3f} ms")
torch.set_num_threads(1)
print(f"PyTorch:   loss {by_torch().item():.12f}, {fastest(by_torch, 1000):.3f} ms")
print(f"  by point: loss {by_torch_one_point().item():.12f}, {fastest(by_torch_one_point, 20):.3f} ms")
