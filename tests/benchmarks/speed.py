"""Speeds of the course, side by side in one run: python tests/benchmarks/speed.py [NAME ...]

Absolute times depend on the machine and on what else it does; the ratios are what to quote. Names: epoch, matmul,
memory, import, slider, find_me, recipe, dcgan, convolution, score, playground, monitor. Needs MNIST (or draws strokes).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    os.environ["GAN_QUICK"] = "0"

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from gan_helpers.data.sets import ImageSet, load_images
from gan_helpers.models.dense import Discriminator, Generator, recommended_pair
from gan_helpers.models.mixed import stable_pair
from gan_helpers.training.adversarial import train_gan
from gan_helpers.training.settings import CLASSIC, STABLE, Settings

STEPS = 200  # a stretch of an epoch, long enough to time and short enough to alternate often
ROUNDS = 7
THREADS = torch.get_num_threads()  # before a benchmark sets another number


class PictureFiles(torch.utils.data.Dataset):
    """Pictures as torchvision's data sets give them: one PIL image at a time, through ToTensor."""

    def __init__(self, data: ImageSet) -> None:
        from torchvision.transforms import ToTensor

        self.data, self.transform = data, ToTensor()

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        picture = Image.fromarray(self.data.images[index, 0].numpy())
        return self.transform(picture), int(self.data.labels[index])


def plain_steps(generator: nn.Module, discriminator: nn.Module, data: ImageSet) -> None:
    """The loop of the usual tutorial: DataLoader, ToTensor, two passes of G a step, Adam as it comes."""
    g_optimizer = torch.optim.Adam(generator.parameters(), CLASSIC.g_lr)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), CLASSIC.d_lr)
    loader = DataLoader(PictureFiles(data), CLASSIC.batch_size, shuffle=True)
    for step, (real_images, _) in enumerate(loader):
        if step == STEPS:
            break
        real_images = real_images * 2 - 1
        d_optimizer.zero_grad()
        real_logits = discriminator(real_images)
        fake_logits = discriminator(generator(torch.rand(len(real_images), 100) * 2 - 1).detach())
        real_part = F.binary_cross_entropy_with_logits(real_logits, torch.full_like(real_logits, 0.9))
        d_loss = real_part + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
        d_loss.backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        fake_logits = discriminator(generator(torch.rand(len(real_images), 100) * 2 - 1))
        F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits)).backward()
        g_optimizer.step()


def our_steps(generator: nn.Module, discriminator: nn.Module, data: ImageSet, settings: Settings) -> None:
    """The same number of updates by the course's loop."""
    train_gan(generator, discriminator, data, STEPS / (len(data) // settings.batch_size), settings=settings)


def seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def alternate(a: Callable[[], None], b: Callable[[], None], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Median seconds of each, run in turn, and the median of the ratios a / b, pair by pair."""
    a(), b()
    pairs = [(seconds(a), seconds(b)) for _ in range(rounds)]
    return *(statistics.median(times) for times in zip(*pairs, strict=True)), statistics.median(x / y for x, y in pairs)


def classic_pair() -> tuple[Generator, Discriminator]:
    return Generator(latent="uniform"), Discriminator()


def epoch(data: ImageSet) -> None:
    """Ours against the plain loop: same networks, batch size and number of updates."""
    steps_an_epoch = len(data) // CLASSIC.batch_size
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        plain, ours, ratio = alternate(
            lambda: plain_steps(*classic_pair(), data), lambda: our_steps(*classic_pair(), data, CLASSIC)
        )
        scale = steps_an_epoch / STEPS
        print(
            f"epoch, {threads} thread(s): plain {plain * scale:.1f} s, ours {ours * scale:.1f} s, {ratio:.2f}x faster"
        )


def flops_a_step(generator: nn.Module, discriminator: nn.Module, batch_size: int) -> float:
    """Multiplications and additions in the matrix products of one step of our loop.

    A layer costs 2 * in * out a picture forward, as much for the gradient of its weights, and as much
    for that of its input. D sees 3 batches forward; its weights get gradients for 2 of them.
    """

    def weights(network: nn.Module) -> tuple[int, int]:
        sizes = [layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Linear)]
        return sum(sizes), sizes[0]

    (g, g_first), (d, d_first) = weights(generator), weights(discriminator)
    g_work = g + g + (g - g_first)  # forward, weights, inputs of all layers but the first
    d_work = 2 * (d + d + (d - d_first)) + (d + d)  # D's step on two batches; G's step passes through to the pixels
    return 2.0 * batch_size * (g_work + d_work)


def median_seconds(call: Callable[[], None], rounds: int) -> float:
    call()
    return statistics.median(seconds(call) for _ in range(rounds))


def share_of_peak(name: str, pair: Callable[[], tuple], settings: Settings, data: ImageSet) -> None:
    a, b = torch.randn(2, 1024, 1024)
    peak = 2 * 1024**3 / median_seconds(lambda: a @ b, 30) / 1e9
    spent = median_seconds(lambda: our_steps(*pair(), data, settings), 3)
    speed = flops_a_step(*pair(), settings.batch_size) * STEPS / spent / 1e9
    threads = torch.get_num_threads()
    print(f"matrix products, {threads} thread(s), {name}: {speed:.0f} of {peak:.0f} GFLOP/s, {speed / peak:.0%}")


def matmul(data: ImageSet) -> None:
    """The share of this machine's matrix-product speed that training reaches."""
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        share_of_peak("classic networks", classic_pair, CLASSIC, data)
        share_of_peak("our networks", recommended_pair, Settings(), data)


def convolution_peak() -> float:
    """This machine's speed in a 3x3 convolution of 128 channels, forward, in FLOP/s: the better of both layouts."""
    layer, pictures = nn.Conv2d(128, 128, 3, padding=1), torch.randn(16, 128, 32, 32)
    work = flops_of(lambda: layer(pictures))
    with torch.no_grad():
        times = [
            median_seconds(lambda f=f: layer.to(memory_format=f)(pictures.to(memory_format=f)), 10)
            for f in (torch.contiguous_format, torch.channels_last)
        ]
    return work / min(times)


def flops_of(call: Callable[[], object]) -> int:
    """Multiplications and additions in the products and convolutions of a call, those of its backward pass included."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def dcgan(data: ImageSet) -> None:
    """The convolutional GANs of notebooks 09 to 11: training in both memory layouts, and its share of the peak."""
    from gan_helpers.models.clips import ClipDiscriminator, ClipGenerator
    from gan_helpers.models.convolutional import photo_pair
    from gan_helpers.models.faces import face_pair

    pairs = {
        "09, photographs 32x32 with classes": ((3, 32, 32), photo_pair),
        "10, faces 64x64": ((3, 64, 64), face_pair),
        "11, signs 64x64": ((1, 64, 64), lambda shape: photo_pair(shape, width=16)),
        "11, clips 16x32x32": ((16, 32, 32), lambda _: (ClipGenerator(), ClipDiscriminator())),
    }
    for name, (shape, pair) in pairs.items():
        for threads in sorted({1, THREADS}):
            torch.set_num_threads(threads)
            both_layouts(f"{name}, {threads} thread(s)", shape, pair)


def both_layouts(name: str, shape: tuple[int, ...], pair: Callable[..., tuple], steps: int = 6) -> None:
    settings = Settings(batch_size=64)
    pictures = torch.randint(0, 256, (64 * steps, *shape), dtype=torch.uint8)
    labels = torch.arange(len(pictures)) % 10  # a pair with classes needs them, others leave them aside
    pictures = ImageSet(pictures, labels, tuple("0123456789"), "noise")
    work = flops_of(lambda: train_gan(*pair(shape), pictures[:64], epochs=1, settings=settings)) * steps
    pairs = [[n.to(memory_format=f) for n in pair(shape)] for f in (torch.contiguous_format, torch.channels_last)]
    plain, last, ratio = alternate(
        *(lambda pair=pair: train_gan(*pair, pictures, epochs=1, settings=settings) for pair in pairs), 5
    )
    speed, peak = work / min(plain, last), convolution_peak()
    print(
        f"{name}: {len(pictures) / plain:.0f} pictures a second, channels last {len(pictures) / last:.0f}, "
        f"ratio {ratio:.2f}; {speed / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s, {speed / peak:.0%}"
    )


def convolution(data: ImageSet) -> None:
    """Notebook 13's two networks: training in both memory layouts, and the share of the convolution peak."""
    from gan_helpers.data.sets import scale_pixels
    from gan_helpers.models.autoencoders import ConvAutoencoder, Denoiser
    from gan_helpers.training.supervised import reconstruction_steps

    batches = scale_pixels(data.images[:1280]).split(128)

    def train(network: nn.Module, batches: tuple[torch.Tensor, ...] = batches) -> None:
        list(reconstruction_steps(network, batches, torch.optim.Adam(network.parameters(), fused=True)))

    for name, make in (("autoencoder", lambda: ConvAutoencoder(16)), ("denoiser", Denoiser)):
        layouts = [make().to(memory_format=f) for f in (torch.contiguous_format, torch.channels_last)]
        work = flops_of(lambda make=make: train(make(), batches[:1])) * len(batches)
        for threads in sorted({1, THREADS}):
            torch.set_num_threads(threads)
            plain, last, ratio = alternate(*(lambda network=network: train(network) for network in layouts))
            speed, peak = work / min(plain, last), convolution_peak()
            print(
                f"{name}, {threads} thread(s): {1280 / plain:.0f} pictures a second, channels last {1280 / last:.0f}, "
                f"ratio {ratio:.2f}; {speed / 1e9:.1f} of {peak / 1e9:.0f} GFLOP/s, {speed / peak:.0%}"
            )


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def memory(data: ImageSet) -> None:
    """Peak memory of a process that trains on all of MNIST, beside one that only imports torch (Linux only)."""
    # The kernel's own high-water mark: getrusage's also counts the parent that a process was forked from.
    peak = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
    train = (
        "from gan_helpers import datasets, networks, training; data = datasets.load_images('mnist')\n"
        "training.train_gan(*networks.recommended_pair(), data, epochs=0.2)\n"
    )
    alone, training = (int(python(f"{code}\n{peak}").split()[-1]) / 1024 for code in ("import torch", train))
    print(f"peak memory: training {training:.0f} MB, of which importing torch {alone:.0f} MB")


def imports(data: ImageSet) -> None:
    """Import time of the package against torch alone, process by process in turn."""
    mine, torch_alone, ratio = alternate(lambda: python("import gan_helpers"), lambda: python("import torch"), 11)
    print(f"import: gan_helpers {mine:.2f} s, torch alone {torch_alone:.2f} s, ratio {ratio:.3f}")


def slider(data: ImageSet) -> None:
    """Slider value to PNG bytes on one thread, with the shipped generator."""
    from gan_helpers.checkpoints import load_network
    from gan_helpers.environment import ASSETS
    from gan_helpers.widgets.explorer import explore

    torch.set_num_threads(1)
    view = explore(load_network(ASSETS / "weights" / "mnist_generator.safetensors")[0])
    times = []
    for i in range(300):
        start = time.perf_counter()
        view.sliders[0].value = 3 * (-1) ** i
        times.append(1000 * (time.perf_counter() - start))
    slowest = statistics.quantiles(times, n=20)[-1]
    print(f"slider: median {statistics.median(times):.2f} ms, 95th percentile {slowest:.2f} ms")


def find_me(data: ImageSet) -> None:
    """*Find me*: from a click to the z found, for real test digits, on one thread; and how near it comes."""
    from gan_helpers.checkpoints import load_network
    from gan_helpers.data.sets import scale_pixels
    from gan_helpers.environment import ASSETS
    from gan_helpers.widgets.explorer import explore

    torch.set_num_threads(1)
    start = time.perf_counter()
    view = explore(load_network(ASSETS / "weights" / "mnist_generator.safetensors")[0])
    made = time.perf_counter() - start
    targets, times, shares = scale_pixels(load_images("mnist", split="test").images[:10]), [], []
    for target in targets[:, None]:
        view.finder.target, errors = target, []
        view.finder.note.observe(lambda change, errors=errors: errors.append(float(change["new"].split()[-1])), "value")
        times.append(seconds(view.finder.find))
        view.finder.note.unobserve_all()
        shares.append(errors[-1] / errors[0])
    print(
        f"find me: median {statistics.median(times):.1f} s, longest {max(times):.1f} s; the squared difference falls "
        f"to {statistics.median(shares):.0%} of the best random start's; making the explorer {made:.2f} s"
    )


def recipe(data: ImageSet) -> None:
    """One step of notebook 07's recipe, beside one of the classic recipe as tutorials write it."""
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        plain, ours, _ = alternate(
            lambda: plain_steps(*classic_pair(), data), lambda: our_steps(*stable_pair(), data, STABLE), 3
        )
        steps = f"classic {1000 * plain / STEPS:.1f} ms for 64 pictures, ours {1000 * ours / STEPS:.1f} ms for 128"
        print(f"a step, {threads} thread(s): {steps}")


def score(data: ImageSet) -> None:
    """The whole score card of 10,000 pictures, once the real ones are read."""
    from gan_helpers.metrics.readers import load_classifier
    from gan_helpers.metrics.scorecards import Reference

    reference = Reference(load_classifier(), data, load_images("mnist", split="test"))
    spent = seconds(lambda: reference.score(2 * torch.rand(10_000, 1, 28, 28) - 1))
    print(f"score card of 10,000 pictures, {torch.get_num_threads()} thread(s): {spent:.1f} s")


def playground(data: ImageSet) -> None:
    """The page without a kernel, in headless Chromium: one picture, and frames a second while it morphs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        page = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]).new_page()
        page.goto((ROOT / "assets" / "playground.html").as_uri())
        one = page.evaluate(
            "() => { const z = playground.latents(), t = performance.now();"
            "for (let i = 0; i < 200; i++) playground.generate(z); return (performance.now() - t) / 200 }"
        )
        page.click("#play")
        frames = page.evaluate(
            "() => new Promise(done => { let n = 0; const t = performance.now(), step = now =>"
            "++n && now - t > 3000 ? done(n / 3) : requestAnimationFrame(step); requestAnimationFrame(step) })"
        )
    print(f"playground: {one:.1f} ms a picture, {frames:.0f} frames a second")


def monitor(data: ImageSet) -> None:
    """Training with the monitor against without, in a real kernel that sends its frames to this process."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import speed; speed.watch_in_kernel()"
    try:
        show = {"stream": lambda content: print(content["text"], end=""), "error": lambda content: print(content)}
        client.execute_interactive(code, output_hook=lambda m: show.get(m["msg_type"], lambda _: None)(m["content"]))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def watch_in_kernel(rounds: int = ROUNDS) -> None:
    """What ``monitor`` runs: the recommended pair of notebook 04, watched and not, in turn."""
    from gan_helpers.models.sampling import sample_latents
    from gan_helpers.widgets.monitor import Monitor

    torch.set_flush_denormal(True)
    data, watches = load_images("mnist"), []

    def train(*callbacks: Monitor) -> None:
        train_gan(*recommended_pair(), data, 2 * STEPS / (len(data) // 128), callbacks=callbacks)

    def watched() -> None:
        watches.append(Monitor(sample_latents(recommended_pair()[0], 16)))
        train(watches[-1])

    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        watches.clear()
        seen, unseen, ratio = alternate(watched, train, rounds)
        frames, drawing = (sum(getattr(w, name) for w in watches[1:]) for name in ("frames", "frame_seconds"))
        print(
            f"monitor, {threads} thread(s): {100 * (ratio - 1):+.1f} % ({unseen:.1f} s without, {seen:.1f} s with), "
            f"{1000 * drawing / frames:.1f} ms a frame, {frames / rounds / seen:.1f} frames a second"
        )


BENCHMARKS = {
    "epoch": epoch,
    "matmul": matmul,
    "memory": memory,
    "import": imports,
    "slider": slider,
    "find_me": find_me,
    "recipe": recipe,
    "dcgan": dcgan,
    "convolution": convolution,
    "score": score,
    "playground": playground,
    "monitor": monitor,
}


def main(names: list[str]) -> None:
    torch.set_flush_denormal(True)
    data = load_images("mnist")
    machine = {"torch": torch.__version__, "threads": torch.get_num_threads(), "load": os.getloadavg()}
    print(json.dumps(machine), "|", data.source)
    for name in names or BENCHMARKS:
        threads = torch.get_num_threads()
        BENCHMARKS[name](data)
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main(sys.argv[1:])
