//! Keys whose private half is public. Anyone could sign tokens for a deployment that trusts one of them.

/// RFC 7638 thumbprints (SHA-256) of keys that standards and public test vectors print with both halves.
const PUBLISHED: [&str; 9] = [
    // RFC 7515 appendix A.2 and A.3
    "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",
    "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    // RFC 7517 appendix A, RFC 7638 section 3.1
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    // RFC 7520 section 3.4
    "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI",
    // RFC 8037 appendix A
    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
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
