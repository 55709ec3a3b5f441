"""Words that tell nothing of anybody: those of the standard itself, and terms of its coded strings.

What a text holds beyond them is dropped, be it a name, a number or a remark.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydicom.datadict import DicomDictionary
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from imaging.dicom.deidentify.spelling import spellings, words_of

_MOST_DIGITS = 4  # of a coded term; more may be a number of somebody
_SHORTEST = 3  # letters of a word that is looked up; shorter ones stand in `_TERMS`
# Terms of coded strings (PS3.3) and of makers that are no words, or short ones.
_LIST = """
    a f h l p r lr rl al ar pl pr ap pa ll la rao lao rpo lpo llo rlo cc mlo ml lm lmo xccl xccm
    slo ism fb sio rcc lcc ld rd rld lld hfs ffs hfp ffp hfdr hfdl ffdr ffdl lfp lfs rfp rfs afdr
    afdl pfdr pfdl u b m o n y i j x z
    ann ar asmt au bdus bi bmd cd cf cr cs ct dd df dg dm document dx ecg eeg eog emg eps es fid fs
    gm hc hd io iol ivoct ivus ker ko len ls mg mr nm oam oct op opm opr opt opv oss osmeg ot
    plan pr pt px reg resp rf rg rtdose rtimage rtplan rtrecord rtstruct rwv seg sm smr sr srf stain
    tg us va vf xa xc rtsegann rtrad rtintent texturemap pos
    original derived primary secondary axial localizer mpr mip minip sagittal coronal oblique single
    biplane plane none other standard undefined mixed resampled volume reformatted projection image
    recon tomo wb whole body planar gated dynamic static emission transmission quantitative
    perfusion diffusion adc fa trace eadc cbf cbv rcbf rcbv mtt ttp tmax t1 t2 pd flair swi tof pc
    ffe se gr ir rm ep seq fs sp ss sk mp osp mtc tof ph ci ffs rec m_ffe m_se m_ir tfe tse fse fgr
    spgr norm dis2d dis3d fil cse fid filtered normalized compresp mfsplit nd dis ps arc ut mosaic
    phase magnitude real imaginary map fmri asl rgb ybr ybr_full ybr_ict ybr_rct 422 420 partial
    ict rct xyb argb hsv cmyk palette color monochrome identity inverse lin log linear exact sigmoid
    stereo screen save emission validation helix helical spiral supine prone sitting standing
    landscape portrait rect cw ccw auto manu manual time dens binary fractional labelmap automatic
    semiautomatic tiled full sparse yes no unknown not available nil for presentation processing
    dv di wsd sd si drw syn 1ps tps mcps mcp bqml cnts gml cm2ml hu od mgml pct ed edw mu
    decy atten attn scat dtim motn pmot clin rand ran radl dcal nrgy slsens dlyd sing
    lut sh us iso ir gb18030 gbk dcmr uri iso_ir uuid dns ext guid hl7 x400 x500
    2d 3d 4d 1h 13c 31p 23na 19f db dt bw rf ecg nat ct0 rt lt bl sup inf ant post lat med
    abdomen acjoint ankle anus aorta arm artery back bladder bone bowel brain breast bronchus
    calcaneus calf carotid cervix chest chestabdomen chestabdpelvis clavicle coccyx colon cspine
    ctspine elbow entirebody esophagus extremity eye eyelid face femur finger foot hand head
    headneck heart hip humerus iac ileum jaw joint kidney knee larynx leg liver lspine lsspine lung
    mandible maxilla mediastinum mouth neck nose orbit pancreas pelvis penis pharynx prostate rectum
    rib sacrum scalp sella shoulder skull spine spleen sternum stomach testis thigh thorax thumb
    thymus thyroid tibia tibiafibula tlspine toe tmj trachea tspine ureter urethra uterus vagina
    vulva wrist zygoma wholebody abdpelvis chestabdpelv retroperitoneum brust schaedel becken kopf
    hals bauch fuss schulter wirbelsaeule torax poumon crane rachis bassin genou cheville pied
    epaule coude poignet hanche
    bowtie lineare const potential rectangular circular polygonal rectangle round cylindrical ring
    fiducial geometry led sid obstetrical cardiology abdom rad small parts tee vascular
    yes dcm ge lossy lossless jpeg normal healthy pathology synthetic
    overlay graphics text num code pname datetime uidref container scoord scoord3d tcoord composite
    waveform table date has obs context concept mod contains inferred from selected acq properties
    separate continuous complete unverified verified partial preliminary final draft
    curved product research service riesz mammographic organ at risk rel elec step and shoot
    scintillator photon electron closed open isocenter external target beam yes
    point multipoint polyline circle ellipse ellipsoid interpolated display pixel matrix
"""
_TERMS = frozenset(_LIST.split())
_NUMBERED = re.compile(r"[0-9]{1,4}|[a-z][0-9]{1,2}|[0-9]{1,2}[a-z]{1,2}")
_ISO = re.compile(r"ISO_[0-9]{4,5}_[0-9]{1,2}|ISO 2022 IR [0-9]{1,3}|ISO_IR [0-9]{1,3}")
_ORIENTATION = re.compile(r"[ALRPHF]{1,3}|[ULMPVDC]{1,2}")
_CODED = re.compile(r"[A-Z0-9_ /-]{0,16}")  # VR CS (PS3.5 6.2), and what some write besides
_BETWEEN = re.compile(r"[\s_/.-]+")
_SNOMED = frozenset({"SRT", "SNM3", "99SDM"})  # PS3.16 8.1


def is_coded_term(value: str) -> bool:
    """True for a term of a coded string that names a kind of thing: AXIAL, LL, M_FFE, FFS.

    Parameters
    ----------
    value : str
        One value of an element of VR CS.
    """
    term = value.strip()
    if not term or _ISO.fullmatch(term) or _ORIENTATION.fullmatch(term):
        return True
    if not _CODED.fullmatch(term) or sum(map(str.isdigit, term)) > _MOST_DIGITS:
        return False
    parts = [part for part in _BETWEEN.split(term.lower()) if part]
    return term.lower() in _TERMS or all(_is_word(part, numbered=True) for part in parts)


def keep_known_words(text: str) -> str:
    """A text without all words that the standard does not use, and without numbers.

    Returns
    -------
    str
        "" when none is left.
    """
    kept = [part for part in re.split(r"[^\w]+|_", text) if part and _is_word(part.casefold())]
    return " ".join(kept)


def code_meaning(scheme: str, value: str) -> str:
    """The meaning that a standard's own code has (PS3.16); "" for a code that is none."""
    scheme, value = scheme.strip(), value.strip()
    if scheme in _SNOMED:
        scheme, value = "SCT", mapping["SRT"].get(value, "")
    return _meanings().get((scheme, value), "")


def _is_word(word: str, *, numbered: bool = False) -> bool:
    if numbered and _NUMBERED.fullmatch(word):
        return True
    word = re.sub(r"[0-9]{1,2}$", "", word) if numbered else word  # MONOCHROME2
    if word in _TERMS:
        return True
    known = _words()
    return any(len(one) >= _SHORTEST and one in known for one in spellings(word))


@cache
def _words() -> frozenset[str]:
    """Words of the dictionary's names, and those that meanings have in small letters.

    A word that only ever stands with a capital may be somebody's name (Smith fracture).
    """
    found: set[str] = set()
    for _vr, _vm, name, _retired, _keyword in DicomDictionary.values():
        found.update(words_of(name.lower()))
    for meaning in _meanings().values():
        found.update(word for word in words_of(meaning) if word.islower())
        found.update(words_of(meaning.lower()) if meaning.isalpha() else ())
    return frozenset(word for word in found if word.isascii() and word.isalpha())


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """(coding scheme, code value) -> the shortest of the meanings that PS3.16 gives it."""
    schemes: dict[str, Any] = concepts
    found: dict[tuple[str, str], str] = {}
    for scheme, codes in schemes.items():
        for value, (meaning, _) in (pair for values in codes.values() for pair in values.items()):
            found[scheme, value] = min(found.get((scheme, value), meaning), meaning, key=len)
    return found
