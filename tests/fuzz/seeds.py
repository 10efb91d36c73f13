#!/usr/bin/python3
"""Writes the inputs that fuzzing begins with, each a few hundred bytes, into a folder: one of its folders for each target."""
import os
import struct
import subprocess
import sys
import zipfile
import zlib

from PIL import Image, ImageCms, PngImagePlugin

OUT = sys.argv[1]


def path(target, name):
    os.makedirs(os.path.join(OUT, target), exist_ok=True)
    return os.path.join(OUT, target, name)


def put(target, name, data):
    with open(path(target, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def save(target, name, picture, **how):
    picture.save(path(target, name), **how)


noise = Image.effect_noise((21, 13), 60)
rgb = Image.merge("RGB", (noise, noise.rotate(180), Image.linear_gradient("L").resize((21, 13))))
rgba = rgb.copy()
rgba.putalpha(noise)
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
kinds = {"l": noise, "la": noise.convert("LA"), "rgb": rgb, "rgba": rgba, "p": rgb.quantize(16), "1": noise.convert("1")}
deep = Image.new("I;16", (9, 7), 40000)

# Each format in its kinds.
for kind, picture in kinds.items():
    save("png", kind, picture, format="PNG")
    if kind != "la":
        save("tiff", kind, picture, format="TIFF")
    if kind in ("l", "rgb", "p", "1"):
        save("bmp", kind, picture, format="BMP")
        save("gif", kind, picture, format="GIF")
save("png", "deep", deep, format="PNG")
save("tiff", "deep", deep, format="TIFF")
save("png", "profile", rgb, format="PNG", icc_profile=srgb)
save("png", "transparent", rgb.quantize(16), format="PNG", transparency=3)
save("bmp", "rgba", rgba, format="BMP")
exif = rgb.getexif()
exif[0x0112] = 6
for name, how in {
    "plain": {}, "progressive": {"progressive": True}, "full": {"subsampling": 0}, "restarts": {"restart_marker_blocks": 2},
    "profile": {"icc_profile": srgb}, "turned": {"exif": exif},
}.items():
    save("jpeg", name, rgb, format="JPEG", quality=70, **how)
save("jpeg", "l", noise, format="JPEG")
save("jpeg", "cmyk", rgb.convert("CMYK"), format="JPEG")
for name, how in {"lossy": {}, "lossless": {"lossless": True}, "profile": {"icc_profile": srgb}, "exif": {"exif": exif}}.items():
    save("webp", name, rgb, format="WEBP", **how)
    save("webp", name + "-alpha", rgba, format="WEBP", **how)
save("webp", "animated", rgb, format="WEBP", save_all=True, append_images=[rgb.rotate(90)])
save("gif", "animated", rgb, format="GIF", save_all=True, append_images=[rgb.rotate(90), rgb], transparency=2)
for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
    picture = kinds["1"] if compression == "group4" else rgb
    try:
        save("tiff", compression, picture, format="TIFF", compression=compression)
    except OSError:
        pass
save("tiff", "cmyk", rgb.convert("CMYK"), format="TIFF")


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# What pictures carry.
texts = PngImagePlugin.PngInfo()
texts.add_text("parameters", "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Seed: 3, Model: x, Lora hashes: \"a: b\"", zip=True)
texts.add_text("prompt", '{"3":{"class_type":"KSampler","inputs":{"seed":1,"positive":["6",0],"model":["4",0]}},"6":{"class_type":"CLIPTextEncode","inputs":{"text":"a <lora:b:1>"}},"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"x.safetensors"}}}')
texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
tiny = Image.new("RGB", (2, 2))
save("probe", "png", tiny, format="PNG", pnginfo=texts, exif=exif)
for name, (key, text) in {
    "novelai": ("Comment", '{"prompt":"a","steps":28,"sampler":"k_euler","seed":5,"uc":"b"}'),
    "fooocus": ("parameters", '{"prompt":"a","base_model":"x","seed":"7","loras":[["a","b",1.0]]}'),
    "invoke": ("invokeai_metadata", '{"positive_prompt":"a","model":{"name":"x"},"seed":1}'),
    "swarm": ("parameters", '{"sui_image_params":{"prompt":"a","seed":1,"model":"x"}}'),
    "dream": ("Dream", '"a cat" -s 20 -S 5'),
}.items():
    info = PngImagePlugin.PngInfo()
    info.add_text(key, text)
    info.add_text("Software", "NovelAI")
    save("probe", name, tiny, format="PNG", pnginfo=info)
for name, form in {"jpeg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "gif": "GIF", "bmp": "BMP"}.items():
    save("probe", name, tiny, format=form)
tags = ["-XMP-dc:Subject=a", "-XMP-xmp:Rating=4", "-XMP-iptcExt:PersonInImage=b", "-IPTC:Keywords=c", "-IPTC:Caption-Abstract=d",
        "-UserComment=e\nSteps: 3, Seed: 4", "-Artist=f", "-DateTimeOriginal=2026:05:17 10:00:00", "-GPSLatitude=48",
        "-XMP-iptcExt:DigitalSourceType=http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"]
names = [path("probe", name) for name in ("jpeg", "webp", "tiff", "png")]
subprocess.run(["exiftool", "-q", "-m", "-overwrite_original", *tags, *names], check=True)


def atom(kind, *bodies):
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + kind + body


data = atom(b"data", bytes([0, 0, 0, 1, 0, 0, 0, 0]), b'{"1":{"class_type":"KSampler","inputs":{}}}')
meta = atom(b"meta", atom(b"hdlr", bytes(25)), atom(b"keys", bytes([0, 0, 0, 0, 0, 0, 0, 1]), atom(b"mdta", b"prompt")),
            atom(b"ilst", atom(b"\0\0\0\1", data), atom(b"\xa9cmt", data)))
tkhd = atom(b"tkhd", bytes(76), struct.pack(">HHHH", 1080, 0, 1920, 0))
put("probe", "mp4", atom(b"ftyp", b"isom\0\0\0\0isom") + atom(b"moov", atom(b"trak", tkhd), atom(b"udta", meta)) + atom(b"mdat", bytes(8)))
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/ops/converter")
for name in ("avif", "heic"):
    with open(os.path.join(SAMPLES, f"sample.{name}"), "rb") as file:
        put("probe", name, file.read())



# Documents.
def archive(name, kind, method):
    with zipfile.ZipFile(path("layered", name), "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("mergedimage.png", open(path("png", "rgba"), "rb").read(), method)


archive("kra", "application/x-krita", zipfile.ZIP_DEFLATED)
archive("ora", "image/openraster", zipfile.ZIP_STORED)


def document(mode, channels, depth, version, packed, layers):
    """Seven by five pixels."""
    wide = {1: ">I", 2: ">Q"}[version]
    table = bytes(range(256)) * 3 if mode == 2 else b""
    resources = b"8BIM\x04\x21\0\0" + struct.pack(">I", 5) + b"\0\0\0\1\1\0" + b"8BIM\x04\x24\0\0" + struct.pack(">I", 4) + b"<a/>"
    out = b"8BPS" + struct.pack(">H6xHIIHH", version, channels, 5, 7, depth, mode)
    out += struct.pack(">I", len(table)) + table + struct.pack(">I", len(resources)) + resources
    out += struct.pack(wide, len(struct.pack(wide, 0)) + 4) + struct.pack(wide, 4) + struct.pack(">hH", layers, 0)
    row = 7 * depth // 8
    if not packed:
        return out + b"\0\0" + bytes(n % 256 for n in range(row * 5 * channels))
    counts = struct.pack({1: ">H", 2: ">I"}[version], row + 1) * 5 * channels
    rows = b"".join(bytes([row - 1]) + bytes((n * 9 + m) % 256 for m in range(row)) for n in range(5 * channels))
    return out + b"\0\1" + counts + rows + b"\xf9\x07"


for name, how in {
    "gray": (1, 1, 8, 1, False, 1), "indexed": (2, 1, 8, 1, True, 1), "rgb": (3, 3, 8, 1, True, 1), "alpha": (3, 4, 8, 1, True, -1),
    "deep": (3, 4, 16, 1, False, -1), "inks": (4, 4, 8, 1, True, 1), "large": (3, 3, 8, 2, True, 1),
}.items():
    put("psd", name, document(*how))

# Profiles.
put("icc", "srgb", srgb)
gray = bytearray(srgb)
gray[16:20] = b"GRAY"
put("icc", "gray", bytes(gray))
for name in ("/usr/share/color/icc/ghostscript/gray.icc", "/usr/share/color/icc/ghostscript/lab.icc"):
    if os.path.exists(name) and os.path.getsize(name) < 4096:
        put("icc", os.path.basename(name), open(name, "rb").read())


def lut(space, channels):
    """A profile for print with a coarse table: `lut8` from each corner of the inks to Lab."""
    corners = 2 ** channels
    table = b"mft1" + bytes(4) + bytes([channels, 3, 2, 0]) + b"".join(struct.pack(">i", 65536 * (n % 4 == 0)) for n in range(9))
    table += bytes(range(256)) * channels
    for n in range(corners):
        ink = bin(n).count("1") * 255 // channels
        table += bytes([255 - ink, 128 + (n % 3) * 20, 128 - (n % 5) * 20])
    table += bytes(range(256)) * 3
    head = bytearray(128)
    head[8:12] = b"\x02\x10\0\0"
    head[12:24] = b"prtr" + space + b"Lab "
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">iii", 63190, 65536, 54061)
    tags = struct.pack(">I4sII", 1, b"A2B0", 128 + 4 + 12, len(table))
    whole = bytearray(bytes(head) + tags + table)
    whole[0:4] = struct.pack(">I", len(whole))
    return bytes(whole)


put("icc", "cmyk", lut(b"CMYK", 4))
put("icc", "rgb-lut", lut(b"RGB ", 3))

# Texts.
RDF = 'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://ns.adobe.com/xap/1.0/" xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
put("sidecar", "elements", f'<r:RDF {RDF}><r:Description><d:subject><r:Bag><r:li>a &amp; b</r:li><r:li>&#x6771;</r:li></r:Bag></d:subject><x:Rating>4</x:Rating><d:title><r:Alt><r:li xml:lang="de">t</r:li></r:Alt></d:title></r:Description></r:RDF>')
put("sidecar", "attributes", f'<?xpacket begin=""?><r:RDF {RDF}><r:Description x:Rating="-1" x:CreateDate="2026-05-17" i:DigitalSourceType="a"/></r:RDF><!-- --><![CDATA[x]]>')
head = "platform,placement,kind,width,height,fit,background,upscale,formats,max_bytes,max_seconds,fps,adult_allowed,verified,source\n"
put("platforms", "rows", head + 'x,post,image,1080,1350,crop,blur,yes,jpeg|png,8000000,,,no,2026-11-23,"a, b"\ny,clip,video,1080,1920,pad,#ffeedd,,mp4,,60,23-60,yes,23.11.2026,\n')
put("platforms", "excel", b"\xff\xfe" + "sep=;\nplatform;placement;kind;fit\nx;post;image;any\n".encode("utf-16-le"))
for n, text in enumerate((
    "persona=luna,tag=beach+sunset,not.rating=adult,created=2026-05..2026-07,width=1080..max", "any(persona=luna,rating=safe;persona=mira)",
    "text=red dress,not.any(tag=a%2Cb;status.instagram=approved)", "tag=campaigns.summer2024,seed=none,expires=min..2026-05-17",
)):
    put("query", str(n), text)
put("rules", "roles", '[role.a]\ndescription = "x"\n[role.a.allow]\nlist = "*"\nview = "persona=luna,owner=me"\n[role.a.deny]\nexport = "rating=adult"\n')
put("rules", "thinning", 'newest = 10\nall = "30 days"\nhourly = "none"\ndaily = "1 year"\nweekly = "none"\nmonthly = "forever"\n')
put("rules", "glossary", 'core = ["persona"]\nstrict = ["tag"]\n[tag]\nbeach = { aliases = ["shore"] }\n')
put("clip", "clip", '{"streams":[{"codec_type":"video","codec_name":"h264","width":1920,"height":1080,"pix_fmt":"yuv420p","avg_frame_rate":"30000/1001","sample_aspect_ratio":"1:1","duration":"5.0","side_data_list":[{"rotation":-90}]},{"codec_type":"audio","codec_name":"aac"}],"format":{"format_name":"mov,mp4","duration":"5.005"}}')
