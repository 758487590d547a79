"""Enhanced MR: many frames in one file, read as the same images one a file are; see dicom_files.enhanced."""

import numpy as np
import pydicom
import pytest
from helpers.dicom_files import ENHANCED, LEGACY, enhanced, item, small_stack, written
from helpers.making import refused
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.dicom_writer import dicom_files, write_dicom_cine, write_zip
from eccl.records import DataError

PLACED = ("PlaneOrientationSequence", "PixelMeasuresSequence")
WAYS = {
    "slice by slice": {},
    "phase by phase": {"order": lambda count: np.arange(count).reshape(3, -1).T.ravel().tolist()},
    "back to front": {"order": lambda count: range(count)[::-1]},
    "in no order": {"order": lambda count: np.random.default_rng(1).permutation(count).tolist()},
    "all groups per frame": {"shared": ()},
    "spacing per frame": {"shared": PLACED[:1]},
    "shared and per frame, which counts": {"both": True},
    "sequences with delimiters": {"undefined": True},
    "implicit": {"syntax": ImplicitVRLittleEndian},
    "implicit with delimiters": {"syntax": ImplicitVRLittleEndian, "undefined": True},
    "run lengths": {"syntax": RLELossless, "order": lambda count: range(count)[::-1]},
    "actual delay": {"time": "actual"},
    "percentage of the beat": {"time": "percentage"},
    "temporal index": {"time": "index", "order": lambda count: range(count)[::-1]},
    "converted from single images": {"time": "converted", "sop_class": LEGACY},
    "stated twice": {"change": lambda image: setattr(image, "TriggerTime", "")},
}


@pytest.fixture
def stack(rng):
    return small_stack(rng, (12, 3, 16, 18))


@pytest.mark.parametrize("way", WAYS)
def test_frames_of_one_file_are_read_as_the_same_images_one_a_file(tmp_path, stack, way):
    path = tmp_path / "IM0001"
    path.write_bytes(enhanced(stack, **WAYS[way]))
    one, two = open_dicom_cine(path), open_dicom_cine(write_dicom_cine(tmp_path / "a.zip", stack, "p"))
    np.testing.assert_array_equal(one.stack().images, stack.images)
    np.testing.assert_array_equal(one.stack([1]).images, two.stack([1]).images)
    np.testing.assert_allclose(one.affine, two.affine, atol=1e-6)
    assert one.spacing == two.spacing and one.shape == two.shape and one.slice_spacing == two.slice_spacing
    assert one.frame_interval == pytest.approx(two.frame_interval, rel=1e-6) and one.source == str(path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("place", ["folder", "zip"])
def test_one_file_a_slice(tmp_path, stack, syntax, place):
    files = {
        f"s{z}/IM": enhanced(stack.stack([z]), syntax=syntax, order=lambda count: range(count)[::-1]) for z in range(3)
    }
    path = written(tmp_path, files) if place == "folder" else write_zip(tmp_path / "a.zip", files)
    cine = open_dicom_cine(path)
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    assert cine.members[1][0] == "s1/IM, frame 12"
    if place == "folder":
        (tmp_path / "s0/IM").unlink()
        np.testing.assert_array_equal(cine.stack([1, 2]).images, stack.images[:, 1:])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_each_frame_has_its_own_scale(tmp_path, stack, syntax):
    path = tmp_path / "a"
    path.write_bytes(enhanced(stack, slope=lambda z, t: 0.5 + z + t / 8, syntax=syntax))
    slope = 0.5 + np.arange(3) + np.arange(12)[:, None] / 8
    np.testing.assert_array_equal(open_dicom_cine(path).stack().images, stack.images * slope[..., None, None] - 5)


def test_one_frame_a_file_and_classic_images_beside(tmp_path, stack):
    frames = {}
    for z in (0, 2):
        for t in range(12):
            alone = small_stack(np.random.default_rng(0), (1, 1, 16, 18))
            one = type(alone)(
                stack.images[t : t + 1, z : z + 1], stack.spacing, 10.0, 22.5, "", stack.stack([z]).affine
            )
            delay = [item(NominalCardiacTriggerDelayTime=22.5 * t)]

            def change(image, delay=delay):
                image.PerFrameFunctionalGroupsSequence[0].CardiacSynchronizationSequence = delay

            frames[f"{z}_{t}"] = enhanced(one, change=change)
    classic = dicom_files(stack.stack([1]), "p")
    cine = open_dicom_cine(written(tmp_path, frames | classic))
    np.testing.assert_array_equal(cine.stack().images, stack.images)


def setting(**values):
    def change(image):
        for key, value in values.items():
            setattr(image, key, value)

    return change


def frame(group, number=7, **values):
    """Other values in one group of one frame."""

    def change(image):
        setattr(image.PerFrameFunctionalGroupsSequence[number], group, [item(**values)])

    return change


def without(group, number=7):
    def change(image):
        delattr(image.PerFrameFunctionalGroupsSequence[number], group)

    return change


def two_items(image):
    group = image.PerFrameFunctionalGroupsSequence[7].PlanePositionSequence
    group.append(group[0])


BROKEN = {
    "frames that are not described": (setting(NumberOfFrames=40), ["40 frames, of which 36 are described"]),
    "fewer frames than described": (setting(NumberOfFrames=30), ["30 frames, of which 36"]),
    "no frame": (setting(NumberOfFrames=0), ["0 frames"]),
    "a million frames": (setting(NumberOfFrames=1_000_000), ["1000000 frames"]),
    "frames of another class": (setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), ["36 frames in one file"]),
    "fewer pixels than declared": (setting(PixelData=bytes(35 * 576)), ["20160 bytes of pixel data", "20736"]),
    "larger images than there are": (setting(Rows=2048, Columns=2048), ["bytes of pixel data", "are declared"]),
    "a frame that lies nowhere": (without("PlanePositionSequence"), ["frame 8", "ImagePositionPatient is missing"]),
    "a frame that was taken at no time": (
        without("CardiacSynchronizationSequence"),
        ["TriggerTime is missing", "frame 8"],
    ),
    "a frame at the time of another": (
        frame("CardiacSynchronizationSequence", NominalCardiacTriggerDelayTime=22.5),
        ["frame 2", "frame 8", "the same TriggerTime, 22.5 ms"],
    ),
    "a time that is no number": (
        frame("CardiacSynchronizationSequence", NominalCardiacTriggerDelayTime=float("nan")),
        ["frame 8", "NominalCardiacTriggerDelayTime is 'nan'"],
    ),
    "a slope of 0": (frame("PixelValueTransformationSequence", RescaleSlope=0), ["frame 8", "RescaleSlope of 0"]),
    "a turned frame": (
        frame("PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        ["frame 8", "two directions"],
    ),
    "a frame of another size of pixels": (frame("PixelMeasuresSequence", PixelSpacing=[1, 1]), ["two pixel spacings"]),
    "a phase image": (frame("MRImageFrameTypeSequence", ComplexImageComponent="PHASE"), ["frame 8", "PHASE"]),
    "a position stated twice": (two_items, ["PlanePositionSequence has several items"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_enhanced_file_is_refused(tmp_path, stack, case):
    change, words = BROKEN[case]
    path = tmp_path / "scan.dcm"
    path.write_bytes(enhanced(stack, change=change))
    error = refused(lambda: open_dicom_cine(path), path, *words)
    assert str(error).count(str(path)) == 1


def test_frames_without_a_time_are_not_taken_in_the_order_of_the_file(tmp_path, stack):
    path = tmp_path / "a"
    path.write_bytes(enhanced(stack, "none", change=setting(NominalInterval="270")))
    refused(lambda: open_dicom_cine(path), "the same InstanceNumber, 1", "frame 1 ", "frame 2 ", "with its times")


def test_a_localiser_among_the_frames_is_left_out(tmp_path, stack):
    def change(image):
        for number in range(24, 36):  # the third slice
            frame("MRImageFrameTypeSequence", number, FrameType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"])(image)

    path = tmp_path / "a"
    path.write_bytes(enhanced(stack, change=change))
    np.testing.assert_array_equal(open_dicom_cine(path).stack().images, stack.images[:, :2])


@pytest.mark.parametrize("packed", ["garbage", "too few", "no item", "too long", "a table cut short"])
def test_broken_packed_frames_are_refused(tmp_path, stack, packed):
    image = pydicom.dcmread(written(tmp_path, {"a": enhanced(stack, syntax=RLELossless)}) / "a")
    whole = list(pydicom.encaps.generate_frames(image.PixelData, number_of_frames=36))
    frames = {"garbage": [b"\xff" * 100] * 36, "too few": whole[:30], "too long": [b"\x81\x05" * 9000] * 36}
    marks = {"no item": b"\xfe\xff\0\xe0" * 900, "a table cut short": b"\xfe\xff\0\xe0\4\x7f\0\0" + bytes(800)}
    image.PixelData = pydicom.encaps.encapsulate(frames[packed]) if packed in frames else marks[packed]
    path = tmp_path / "b"
    image.save_as(path)
    error = refused(lambda: open_dicom_cine(path).stack(), path, "damaged")
    assert str(error).count(str(path)) == 1


SEQUENCE, ITEM = b"\0\x52\x30\x92SQ\0\0\xff\xff\xff\xff", b"\xfe\xff\0\xe0"  # per frame, of undefined length


@pytest.mark.parametrize(
    "inside, words",
    [
        ((SEQUENCE + ITEM + b"\xff\xff\xff\xff") * 100_000, "sequences within each other"),
        (SEQUENCE + (ITEM + bytes(4)) * 30_000, "more than 20000 frames"),
        (b"\x08\0\x60\0CS\xff\xff" + b"M" * 70_000, "bytes"),
    ],
)
def test_a_header_built_to_fill_the_memory_is_refused(tmp_path, stack, inside, words):
    content = enhanced(stack)
    path = tmp_path / "a"
    path.write_bytes(content[: content.index(b"\x08\0\x16\0UI")] + inside)
    refused(lambda: open_dicom_cine(path), path, words)


def test_an_enhanced_file_with_any_byte_changed_or_cut_is_read_or_refused(tmp_path, stack):
    path, refusals = tmp_path / "a", 0
    rng = np.random.default_rng(3)
    for way in ({}, {"undefined": True}, {"syntax": RLELossless}, {"sop_class": ENHANCED, "time": "percentage"}):
        whole = enhanced(stack, **way)
        for place in rng.integers(0, 4000, 40):
            turned = bytearray(whole)
            turned[place] ^= 0x55
            for content in (bytes(turned), whole[:place]):
                path.write_bytes(content)
                try:
                    assert open_dicom_cine(path).stack().frame_count
                except DataError as error:
                    assert str(path) in str(error) and error.remedy
                    refusals += 1
    assert 160 <= refusals < 320
