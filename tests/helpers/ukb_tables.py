"""Tables as UK Biobank ships them, and what a refusal of one may not show."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path

from eccl.records import DataError
from helpers.making import refused

EID, OTHER = "1234567", "2345678"
TODAY = date(2025, 6, 1)

# By hand, as the three ways to download write them; two participants, both with the same answers in each style.
SHOWCASE = (
    '"eid","31-0.0","21003-0.0","21003-2.0","50-2.0","21002-2.0","4080-2.0","4080-2.1","4079-2.0","4079-2.1",'
    '"53-0.0","53-2.0","24100-2.0","24157-2.0","41270-0.0","41270-0.1","41270-0.2","41280-0.0","41280-0.1","41280-0.2",'
    '"131298-0.0","131338-0.0","131350-0.0","131354-0.0","24100-3.0"\n'
    '"1234567","1","50","62","180","80.5","140","130","80","70","2008-01-02","2019-05-30","151.5","-3",'
    '"I10","I480","I251","2010-01-01","2018-05-30","2011-02-03","","","2020-05-29","","999"\n'
    '"2345678","0","55","66","165","-1","120","","-3","75","2009-01-02","2020-01-01","","",'
    '"","","","","","","1903-03-03","","","",""\n'
)
RAP = (
    "participant.eid,participant.p31,participant.p21003_i0,participant.p21003_i2,participant.p50_i2,"
    "participant.p21002_i2,participant.p4080_i2_a0,participant.p4080_i2_a1,participant.p4079_i2_a0,"
    "participant.p4079_i2_a1,participant.p53_i0,participant.p53_i2,participant.p24100_i2,participant.p24157_i2,"
    "participant.p41270,participant.p41280_a0,participant.p41280_a1,participant.p41280_a2,participant.p131298,"
    "participant.p131338,participant.p131350,participant.p131354,participant.p24100_i3\n"
    "1234567,1,50,62,180,80.5,140,130,80,70,2008-01-02,2019-05-30,151.5,-3,"
    "\"['I10', 'I480', 'I251']\",2010-01-01,2018-05-30,2011-02-03,,,2020-05-29,,999\n"
    "2345678,0,55,66,165,-1,120,,-3,75,2009-01-02,2020-01-01,,,,,,,1903-03-03,,,,\n"
)
R_STYLE = (
    "f.eid\tf.31.0.0\tf.21003.0.0\tf.21003.2.0\tf.50.2.0\tf.21002.2.0\tf.4080.2.0\tf.4080.2.1\tf.4079.2.0\tf.4079.2.1\t"
    "f.53.0.0\tf.53.2.0\tf.24100.2.0\tf.24157.2.0\tf.41270.0.0\tf.41270.0.1\tf.41270.0.2\tf.41280.0.0\tf.41280.0.1\t"
    "f.41280.0.2\tf.131298.0.0\tf.131338.0.0\tf.131350.0.0\tf.131354.0.0\tf.24100.3.0\n"
    "1234567\t1\t50\t62\t180\t80.5\t140\t130\t80\t70\t2008-01-02\t2019-05-30\t151.5\t-3\t"
    "I10\tI480\tI251\t2010-01-01\t2018-05-30\t2011-02-03\tNA\tNA\t2020-05-29\tNA\t999\n"
    "2345678\t0\t55\t66\t165\t-1\t120\tNA\t-3\t75\t2009-01-02\t2020-01-01\tNA\tNA\t"
    "NA\tNA\tNA\tNA\tNA\tNA\t1903-03-03\tNA\tNA\tNA\tNA\n"
)
STYLES = {
    "showcase.csv": SHOWCASE,
    "rap.csv": RAP,
    "rap_plain.csv": RAP.replace("participant.", ""),
    "rap_bars.csv": RAP.replace("\"['I10', 'I480', 'I251']\"", "I10|I480|I251"),
    "rap_json.csv": RAP.replace("\"['I10', 'I480', 'I251']\"", '"[""I10"",""I48.0"",""I251""]"').replace(
        ",1,", ",Male,", 1
    ),
    "r.tab": R_STYLE,
    "windows.txt": "\ufeff" + R_STYLE.replace("\n", "\r\n"),
}


def refused_unseen(call: Callable, *words: str) -> DataError:
    """The DataError that `call` raises, as `refused`; nowhere in it is a participant's number."""
    error = refused(call, *words)
    told = "".join(traceback.format_exception(error))
    assert EID not in told and OTHER not in told, told
    return error


def table_file(path: Path, content: str | bytes) -> Path:
    """The path, with that content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
