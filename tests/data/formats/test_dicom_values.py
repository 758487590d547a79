"""Elements of a DICOM image that are empty, wrong or contradict each other; bits, scales and times."""

import io

import numpy as np
import pydicom
import pytest
from helpers.dicom_files import every, patched, saved, small_stack, written
from helpers.making import refused

from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.dicom_writer import dicom_files

EMPTY = {  # optional elements, and what counts where they are empty
    "RescaleSlope": {},
    "RescaleIntercept": {},
    "NominalInterval": {},
    "SpacingBetweenSlices": {},
    "SliceThickness": {},
    "SeriesNumber": {},
    "InstanceNumber": {},
    "NumberOfFrames": {},
    "SeriesDescription": {},
    "PatientID": {},
    "StudyInstanceUID": {},
    "CardiacNumberOfImages": {},
    "TemporalPositionIdentifier": {},
    "ImageType": {},
    "PixelRepresentation": {},
    "HighBit": {},
    "TriggerTime": {"NominalInterval": "270"},
}
WRONG = ("SeriesNumber", "InstanceNumber", "RescaleSlope", "RescaleIntercept", "TriggerTime", "NominalInterval")
WRONG += ("CardiacNumberOfImages", "SpacingBetweenSlices", "NumberOfFrames", "TemporalPositionIdentifier")


@pytest.fixture
def stack(rng):
    return small_stack(rng, (12, 3, 16, 18))


@pytest.fixture
def files(stack):
    return dicom_files(stack, "9100001")


def raw(content, **values):
    """A file with texts past every check of a library."""
    image = pydicom.dcmread(io.BytesIO(content))
    for key, value in values.items():
        tag = pydicom.tag.Tag(key)
        image[tag] = pydicom.dataelem.RawDataElement(
            tag, pydicom.datadict.dictionary_VR(tag), len(value), value, 0, False, True
        )
    return saved(image)


@pytest.mark.parametrize("key", EMPTY)
def test_an_empty_element_counts_as_absent(tmp_path, stack, files, key):
    files = {name: raw(patched(content, **EMPTY[key]), **{key: b""}) for name, content in files.items()}
    cine = open_dicom_cine(written(tmp_path, files))
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    assert cine.frame_interval == pytest.approx(22.5)


def test_every_optional_element_empty_at_once(tmp_path, stack, files):
    keys = {key: b"" for key in EMPTY if key not in ("TriggerTime", "PatientID")}
    cine = open_dicom_cine(written(tmp_path, {name: raw(content, **keys) for name, content in files.items()}))
    np.testing.assert_array_equal(cine.stack().images, stack.images)


@pytest.mark.parametrize("text", [b"abc ", b"1\\2 ", b"nan ", b"inf ", b"1,5 ", b"--1 "])
@pytest.mark.parametrize("key", WRONG)
def test_an_element_of_the_wrong_kind_is_named_with_its_value(tmp_path, files, key, text):
    name = list(files)[17]
    folder = written(tmp_path, files | {name: raw(files[name], **{key: text})})
    said = repr(text.decode().strip())
    error = refused(lambda: open_dicom_cine(folder), name, f"the {key} is {said}", "that element")
    assert "9100001" not in str(error)


@pytest.mark.parametrize("key", ["SeriesNumber", "InstanceNumber", "CardiacNumberOfImages"])
def test_half_a_number_is_refused(tmp_path, files, key):
    name = list(files)[17]
    folder = written(tmp_path, files | {name: raw(files[name], **{key: b"1.5 "})})
    refused(lambda: open_dicom_cine(folder), name, f"the {key} is '1.5', not a whole number")


@pytest.mark.parametrize("text", [b"0 ", b"0.0 ", b"-0"])
def test_a_slope_of_0_is_refused(tmp_path, files, text):
    name = list(files)[17]
    folder = written(tmp_path, files | {name: raw(files[name], RescaleSlope=text)})
    refused(lambda: open_dicom_cine(folder), name, "RescaleSlope of 0")


def test_each_image_is_scaled_by_its_own_slope_and_no_other_scale_is_applied(tmp_path, stack, files):
    scaled = {}
    for number, (name, content) in enumerate(files.items()):
        image = pydicom.dcmread(io.BytesIO(content))
        image.RescaleSlope, image.RescaleIntercept = f"{1 + number / 4}", f"{-number}"
        image.WindowCenter, image.WindowWidth = "10", "20"
        image.add_new(0x2005100E, "FL", 0.01)  # Philips's own scale
        mapping = pydicom.Dataset()
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 7.0, 3.0
        image.RealWorldValueMappingSequence = [mapping]
        scaled[name] = saved(image)
    number = np.arange(36).reshape(3, 12).T[..., None, None]
    images = open_dicom_cine(written(tmp_path, scaled)).stack().images
    np.testing.assert_array_equal(images, stack.images * (1 + number / 4) - number)


def test_a_table_of_values_is_refused(tmp_path, files):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [2, 0, 16], b"\0\0\1\0"
    files = every(files, ModalityLUTSequence=[table])
    refused(lambda: open_dicom_cine(written(tmp_path, files)), "ModalityLUTSequence", "RescaleSlope")


@pytest.mark.parametrize("kind, bits", [("<i2", 16), ("<i2", 13), ("<u2", 16), ("u1", 8), ("<u4", 32)])
def test_pixels_of_each_kind_are_read(tmp_path, stack, files, kind, bits):
    images = stack.images // 12 - (40 if kind == "<i2" else 0)
    made = {}
    for number, (name, content) in enumerate(files.items()):
        z, t = divmod(number, 12)
        image = pydicom.dcmread(io.BytesIO(content))
        image.PixelData, image["PixelData"].VR = images[t, z].astype(kind).tobytes(), "OW"
        image.BitsAllocated, image.BitsStored, image.HighBit = 8 * np.dtype(kind).itemsize, bits, bits - 1
        image.PixelRepresentation = int(kind == "<i2")
        made[name] = saved(image)
    np.testing.assert_array_equal(open_dicom_cine(written(tmp_path, made)).stack().images, images)


def drawn(content, overlay, signed=False, bits=0xF000):
    """Pixels of 12 bits with others above."""
    image = pydicom.dcmread(io.BytesIO(content))
    values = np.frombuffer(image.PixelData, "<u2") | bits
    image.PixelData, image.BitsStored, image.HighBit = values.astype("<u2").tobytes(), 12, 11
    image.PixelRepresentation = int(signed)
    if overlay:
        image.add_new(0x60000100, "US", 16)
        image.add_new(0x60000102, "US", 12)
    return saved(image)


def test_a_drawing_in_the_bits_above_is_no_intensity(tmp_path, stack, files):
    drawing = {name: drawn(content, True) for name, content in files.items()}
    np.testing.assert_array_equal(open_dicom_cine(written(tmp_path / "a", drawing)).stack().images, stack.images)
    unsaid = written(tmp_path / "b", {name: drawn(content, False) for name, content in files.items()})
    refused(lambda: open_dicom_cine(unsaid).stack(), "above the 12 bits", "BitsStored")


def test_negative_pixels_whose_sign_is_not_repeated_above(tmp_path, stack, files):
    files = {name: drawn(content, False, True, 0) for name, content in files.items()}
    values = np.where(stack.images >= 2048, stack.images - 4096, stack.images)
    np.testing.assert_array_equal(open_dicom_cine(written(tmp_path, files)).stack().images, values)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"BitsAllocated": 12}, "16 bits of 12"),
        ({"BitsStored": 0, "HighBit": None}, "0 bits of 16"),
        ({"BitsStored": 12, "HighBit": 15}, "HighBit of 15 with 12"),
        ({"PixelRepresentation": 2}, "PixelRepresentation of 2"),
        ({"BitsStored": None}, "BitsStored is missing"),
        ({"ImageType": ["DERIVED", "PRIMARY", "P", "RETRO"]}, "of the kind P"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P", "PCA"]}, "VELOCITY MAP"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "R", "ND"]}, "of the kind R"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"]}, "of the kind I_FFE"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "P"]}, "of the kind P"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "in which high values are bright"),
    ],
)
def test_pixels_that_are_no_magnitude_of_whole_numbers_are_refused(tmp_path, files, values, words):
    refused(lambda: open_dicom_cine(written(tmp_path, every(files, **values))), words)


def timed(files, time=None, **values):
    """Files whose phase t was taken at time(t)."""
    made = {}
    for number, (name, content) in enumerate(files.items()):
        phase = number % 12
        own = {key: value(phase) if callable(value) else value for key, value in values.items()}
        made[name] = patched(content, TriggerTime=None if time is None else f"{time(number):.6g}", **own)
    return made


@pytest.mark.parametrize("kinds", [["M", "RETRO", "NORM"], ["M_FFE", "M", "FFE"], ["OTHER"], [], ["M", "ND", "R"]])
def test_magnitude_images_of_each_vendor_are_read(tmp_path, stack, files, kinds):
    files = every(files, ImageType=["ORIGINAL", "PRIMARY", *kinds])
    np.testing.assert_array_equal(open_dicom_cine(written(tmp_path, files)).stack().images, stack.images)


def test_a_spacing_may_be_rounded_in_some_files(tmp_path, stack, files):
    name = list(files)[20]
    near, far = (
        written(tmp_path / size, files | {name: patched(files[name], PixelSpacing=[size, "1.7"])})
        for size in ("1.80001", "1.81")
    )
    np.testing.assert_array_equal(open_dicom_cine(near).stack().images, stack.images)
    refused(lambda: open_dicom_cine(far), far, "two pixel spacings", "1.81")


@pytest.mark.parametrize("gone", [{11}, {0}, {10, 11}])
@pytest.mark.parametrize("stated", ["12", "11", "0", ""])
def test_phases_missing_at_an_end_are_noticed_where_their_number_is_stated(tmp_path, files, gone, stated):
    files = timed(files, lambda n: n % 12 * 70, NominalInterval="840", CardiacNumberOfImages=stated)
    left = {name: content for number, (name, content) in enumerate(files.items()) if number % 12 not in gone}
    folder = written(tmp_path, left)
    if stated in ("12", "11") and 12 - len(gone) < int(stated):
        refused(lambda: open_dicom_cine(folder), folder, f"{12 - len(gone)} phases", f"the {stated} that Cardiac")
    else:
        assert open_dicom_cine(folder).frame_count == 12 - len(gone)


def test_the_temporal_position_orders_where_no_time_is_stated(tmp_path, stack, files):
    files = timed(files, TemporalPositionIdentifier=lambda t: t + 1, InstanceNumber=lambda t: 99 - t)
    cine = open_dicom_cine(written(tmp_path, files))
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    assert cine.frame_interval == pytest.approx(22.5)


def test_a_temporal_position_that_tells_none_apart_is_passed_over(tmp_path, stack, files):
    cine = open_dicom_cine(written(tmp_path, timed(files, TemporalPositionIdentifier=1)))
    np.testing.assert_array_equal(cine.stack().images, stack.images)


def test_one_series_of_all_slices_is_sorted_by_place_and_time(tmp_path, stack, files):
    numbers = np.random.default_rng(4).permutation(36)
    one = {
        f"IM{numbers[place]}": patched(
            content, SeriesInstanceUID="2.25.3", SeriesNumber="5", InstanceNumber=f"{numbers[place]}"
        )
        for place, content in enumerate(files.values())
    }
    np.testing.assert_array_equal(open_dicom_cine(written(tmp_path, one)).stack().images, stack.images)


TIMES = {  # what is wrong with the time: (time of the image of a number, other values, words)
    "seconds": (lambda n: n % 12 * 0.0225, {}, ["last 0.27 ms", "a beat of 270 ms"]),
    "steps of 2 s": (lambda n: n % 12 * 2000, {}, ["last 24000 ms", "a beat of 270 ms", "both are in ms"]),
    "a beat in s": (lambda n: n % 12 * 80, {"NominalInterval": "1"}, ["last 960 ms", "a beat of 1 ms"]),
    "a beat twice as short": (lambda n: n % 12 * 80, {"NominalInterval": "480"}, ["last 960 ms", "480 ms"]),
    "one slice in other units": (
        lambda n: n % 12 * (22.5 if n < 12 else 60),
        {"NominalInterval": ""},
        ["22.5 ms between the phases of one slice", "60 ms between those of another"],
    ),
    "one beat in a slice and another": (
        None,
        {"NominalInterval": lambda t: "900" if t else "50"},
        ["a NominalInterval of 50 ms, and of 900 ms"],
    ),
    "phases that are not there": (
        None,
        {"CardiacNumberOfImages": "25"},
        ["12 phases", "25 that CardiacNumberOfImages"],
    ),
    "no beat": (None, {"NominalInterval": "0", "HeartRate": "60"}, ["neither TriggerTime nor NominalInterval"]),
    "all at once": (lambda n: 0, {}, ["the same TriggerTime, 0 ms", "1 different ones of 12"]),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_that_contradict_each_other_are_refused(tmp_path, files, case):
    time, values, words = TIMES[case]
    folder = written(tmp_path, timed(files, time, **values))
    refused(lambda: open_dicom_cine(folder), folder, *words)


@pytest.mark.parametrize("share", [0.45, 0.8, 1.0, 1.3])
def test_a_scan_may_leave_out_the_end_of_the_beat_and_no_beat_is_the_same(tmp_path, files, share):
    folder = written(tmp_path, timed(files, lambda n: n % 12 * 70, NominalInterval=f"{round(840 / share)}"))
    assert open_dicom_cine(folder).frame_interval == pytest.approx(70)
