"""What a still costs beside other programs: stills.py PROGRAM FOLDER ROUNDS DAM-MOUNTD DWEBP.

Makes masters of real photographs (of scikit-image, enlarged, with grain) in FOLDER, and renders each for an Instagram portrait by PROGRAM
(scripts/stills) and by others in turn. Prints lines for bench.sh: NAME|PEER|OURS_MS|PEER_MS|UNIT|AMOUNT|TARGET, times of the processor
and medians of all rounds, of other programs those of a whole process; notes on quality and memory go to stderr. Environment: VIPS_CONCURRENCY=1.
"""
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import pyvips
import skimage
from skimage.metrics import structural_similarity

WIDTH, HEIGHT, QUALITY = 1080, 1350, 85
PLACEMENTS = [(1080, 1350), (1080, 1080), (1080, 1440), (1080, 566), (1080, 1920)]
PHOTOS = ["astronaut.png", "chelsea.png", "coffee.png"]
SIZES = {"9.6 MP": (2688, 3584), "17 MP": (4096, 4096)}
# How many times faster than libvips in process each is to be.
TARGETS = {"png": 1.6, "jpg": 1.25, "webp": 1.1}
FIVE_MS = 220


def masters(folder):
    """Paths of the masters of each size and format, and of the PNG that each shows."""
    photos = os.path.join(os.path.dirname(skimage.__file__), "data")
    made = []
    for size, (width, height) in SIZES.items():
        for n, photo in enumerate(PHOTOS):
            path = os.path.join(folder, f"{width}-{n}")
            picture = pyvips.Image.thumbnail(os.path.join(photos, photo), width, height=height, crop="centre", size="both")
            grain = pyvips.Image.gaussnoise(width, height, mean=0, sigma=2.5, seed=n)
            picture = (picture.extract_band(0, n=3) + grain).cast("uchar").copy(interpretation="srgb").copy_memory()
            picture.pngsave(path + ".png", compression=4)
            picture.jpegsave(path + ".jpg", Q=95)
            picture.webpsave(path + ".webp", Q=90)
            made += [(size, kind, f"{path}.{kind}", path + ".png") for kind in TARGETS]
    return made


def by_vips(data, width, height):
    picture = pyvips.Image.thumbnail_buffer(data, width, height=height, crop="centre", size="both")
    return picture.jpegsave_buffer(Q=QUALITY)


def spent(work):
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def spent_by(command):
    """Processor milliseconds of a whole process."""
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "MAGICK_THREAD_LIMIT": "1"})
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime) * 1000


def samples(picture):
    floats = picture.cast("float")
    return np.ndarray(buffer=floats.write_to_memory(), dtype=np.float32, shape=[floats.height, floats.width, floats.bands])


def wanted(png):
    """The portrait without any rounding: the reference of both."""
    picture = pyvips.Image.new_from_file(png).cast("float")
    scale = max(WIDTH / picture.width, HEIGHT / picture.height)
    scaled = picture.resize(scale, kernel="lanczos3")
    return samples(scaled.crop((scaled.width - WIDTH) // 2, (scaled.height - HEIGHT) // 2, WIDTH, HEIGHT))


def quality(reference, data):
    got = samples(pyvips.Image.new_from_buffer(data, ""))
    error = np.mean((reference.astype(np.float64) - got) ** 2)
    similar = structural_similarity(reference, got, channel_axis=2, data_range=255)
    return 10 * np.log10(255**2 / error), similar


def main():
    program, folder, rounds, quick = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    pyvips.cache_set_max(0)
    out = os.path.join(folder, "ours.jpg")
    costs, qualities, memory = {}, {}, 0
    for size, kind, path, png in masters(folder):
        with open(path, "rb") as file:
            data = file.read()
        cost = costs.setdefault((size, kind), {"ours": [], "vips": [], "five": [], "vips five": [], "ratios": [], "cli": {}})
        for _ in range(rounds):
            told = subprocess.run([program, "3", path, out, *quick], check=True, capture_output=True, text=True).stdout.splitlines()
            ours, five = (statistics.median(map(float, line.split())) for line in told[:2])
            memory = max(memory, int(told[2]))
            vips = statistics.median(spent(lambda: by_vips(data, WIDTH, HEIGHT)) for _ in range(3))
            cost["ours"].append(ours)
            cost["vips"].append(vips)
            cost["ratios"].append(vips / ours)
            if kind == "png":
                cost["five"].append(five)
                cost["vips five"].append(spent(lambda: [by_vips(data, *size) for size in PLACEMENTS]))
            peers = {
                "vipsthumbnail": ["vipsthumbnail", path, "--size", f"{WIDTH}x{HEIGHT}", "--smartcrop", "centre",
                                  "--output", os.path.join(folder, f"peer.jpg[Q={QUALITY}]")],
                "ImageMagick": ["convert", path, "-resize", f"{WIDTH}x{HEIGHT}^", "-gravity", "center", "-extent",
                                f"{WIDTH}x{HEIGHT}", "-quality", str(QUALITY), os.path.join(folder, "peer.jpg")],
            }
            for name, command in peers.items():
                cost["cli"].setdefault(name, []).append(spent_by(command))
        reference = wanted(png)
        with open(out, "rb") as file:
            ours = quality(reference, file.read())
        qualities.setdefault((size, kind), []).append((ours, quality(reference, by_vips(data, WIDTH, HEIGHT))))
    for (size, kind), cost in costs.items():
        name = f"{size} {kind}"
        # The median of the pairs' ratios: what else the machine does meets both of a pair.
        ratio = statistics.median(cost["ratios"])
        ours = statistics.median(cost["ours"])
        print(f"{name}|libvips|{ours:.1f}|{ours * ratio:.1f}|stills/s|1|{TARGETS[kind]}")
        for peer, times in cost["cli"].items():
            print(f"{name}|{peer} (process)|{ours:.1f}|{statistics.median(times):.1f}|stills/s|1|")
        if kind == "png":
            five = statistics.median(cost["five"])
            print(f"five of {name}|libvips|{five:.1f}|{statistics.median(cost['vips five']):.1f}|fives/s|1|")
            if size == "9.6 MP":
                print(f"five of {name}|its limit|{five:.1f}|{FIVE_MS}|fives/s|1|1")
        pairs = np.array(qualities[size, kind])
        (psnr, ssim), (peers_psnr, peers_ssim) = pairs.mean(axis=0)
        print(f"   {name}: PSNR {psnr:.2f} dB, SSIM {ssim:.4f}; libvips {peers_psnr:.2f} dB, {peers_ssim:.4f}", file=sys.stderr)
    print(f"   at most {memory} MiB for one portrait (150: {'met' if memory <= 150 else 'missed'})", file=sys.stderr)


main()
