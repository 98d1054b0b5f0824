//! Keys whose private half is public. Anyone could sign tokens for a deployment that trusts one of them.

/// RFC 7638 thumbprints (SHA-256) of keys that standards, public test vectors and sample pages print with both halves.
/// `tests/keys/published.json` has the public members that each was computed from.
const PUBLISHED: [&str; 36] = [
    // RFC 7515 appendix A.2 (RSA) and A.3 (P-256); the key of A.4 is P-521, which is not supported
    "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",
    "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    // RFC 7516 appendix A.1 and A.2 (RSA)
    "xtIsOV1FqKH77AI_A3jdTg5QfdabzqI-LNpYTPi0IgI",
    "_K0fXS8wlsT7Tn3vvZrs9qdKUIqi5AxQ5EVk41xi_BM",
    // RFC 7517 appendix A.2 (P-256, RSA), also in RFC 7638 section 3.1; appendix C.1 (RSA)
    "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "D8R4-FeTJfzuDUy8bZ0c4hcwpul-Q11gCPs3mw6-R9Q",
    // RFC 7518 appendix C (P-256, both parties)
    "_GK0r6GCoJt9zcssg9lay4obIxgCq05ntiRymRHADSU",
    "Vy57XrArUrW0NbpI12tEzDHABxMwrTh6HHXRenSpnCo",
    // RFC 7520 section 3.4 (RSA), 5.1 (RSA), 5.2 (RSA, 4,096 bits), 5.4 (P-384), 5.5 (P-256)
    "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI",
    "h_jutvC-jg3Nwueq8LmdSybXykVsBwk4_5u5Y9JiS7E",
    "Rt-IyDEhXohvTl_ozKQ9YGflXGuDb3uu3QmqN2LoMwM",
    "YlKlB7M2wnS0cPn_V7OW-FuDLuWdJ9z4OvPHmhGDfeE",
    "HsSFalww3yP-dO-lWGYgFcyV5H22oScIFc4V2Y6GOto",
    // RFC 8037 appendix A.1, which is RFC 8032 section 7.1, TEST 1 (Ed25519)
    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    // RFC 8032 section 7.1, TEST 2, TEST 3, TEST 1024 and TEST SHA(abc) (Ed25519)
    "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk",
    "FVV5umTuau890q59V-4Ga_R6qWb7ON_ivJc4EjvCwTM",
    "lZI1vM7tnlYapaF5-cy86ptx0tT_8Av721hhiNB5ti4",
    "iiDHHfFVNG6ICMUTsicgrWf1igtFYZEK73xlobt1ah4",
    // RFC 9421 appendix B.1.1 (RSA), B.1.2 (RSA), B.1.3 (P-256), B.1.4 (Ed25519)
    "BHj8s0GPnMEQtkaULIM-PLgEhLBbuGUQ1vMxmBWZzEo",
    "oD0HwocPBSfpNy5W3bpJeyFGY_IQ_YpqxSjQ3Yd-CLA",
    "ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI",
    "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U",
    // RFC 6979 appendix A.2.5 (P-256) and A.2.6 (P-384)
    "DOvxvJiAdIqVWIkFt5hDtCunXLF0BV4-JGv4f-ALSm0",
    "l2tfkSzhekdOr24I18E1O_-49AlK14MTo7OxJMS7-HI",
    // RFC 9500 section 2.1 (RSA, 2,048 and 4,096 bits) and 2.3 (P-256, P-384)
    "Fa5JHFzFB8yHv0Dk3rGTgtCQPXPr3q8midyfylf8CUU",
    "u88se-xodYvJqpVtfxKIhE6bv2S6Z9hy1ikqIcPciAE",
    "LIstkoCvByn4jk8oZPvigQkzTzO9UwnGnE-VMlkZvYQ",
    "TLOWIUBG7ALE2U13WMeEAErmpD48gp8MllKbX_zBARE",
    // The samples of jwt.io: RS256 to PS512 (one RSA key), ES256, ES384
    "oGDmHqCJ7yzMkWEkrlZVHkvrHIyQwtlDmeq5ForUHeY",
    "19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8",
    "iTqXXI0zbAnJCKDaobfhkM1f-6rMSpTfyZMRp_2tKI8",
    // Wycheproof: ES256, RS256
    "jtGSXJVYuZVE0cLF8m4OWz-gvUEtc1LxRfUd7fMBarg",
    "hKoe1YKmJxChuUJIUBuWgD3Kc_DtVa-vpjuCNmmDQh8",
    "eLx7cyKbcDMHSL_1LbVriUzfZG-p_W2rjxLJrg9teck",
    "ZiLSoDuPfDc8rxPl05LxD9nV_EzK3XJ8t6qpTXJCtvw",
];

/// Whether the private half of the key with this thumbprint is public.
pub(super) fn is_published(thumbprint: &str) -> bool {
    PUBLISHED.contains(&thumbprint)
}
