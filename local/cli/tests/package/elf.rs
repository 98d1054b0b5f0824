//! Programs with various requirements, built by hand.

use iot_local::package::build::Architecture;
use iot_local::package::elf::check;

/// A program that requires versions of a library, given with their flags: header, string table, `.gnu.version_r`,
/// section table.
fn program(machine: u16, versions: &[(&str, u16)]) -> Vec<u8> {
    let mut names = b"\0libc.so.6\0".to_vec();
    // Verneed: version, count, name of the library, offset of the first entry, no next library.
    let mut requirements = [1_u16, u16::try_from(versions.len()).unwrap()].map(u16::to_le_bytes).concat();
    requirements.extend([1_u32, 16, 0].map(u32::to_le_bytes).concat());
    for (index, (name, flags)) in versions.iter().enumerate() {
        requirements.extend(0_u32.to_le_bytes());
        requirements.extend([*flags, 2].map(u16::to_le_bytes).concat());
        let next = if index + 1 < versions.len() { 16 } else { 0 };
        requirements.extend([u32::try_from(names.len()).unwrap(), next].map(u32::to_le_bytes).concat());
        names.extend(name.bytes().chain([0]));
    }
    let offset = 64 + names.len();
    let end = offset + requirements.len();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([3, machine, 1, 0].map(u16::to_le_bytes).concat());
    file.extend([0, 0, end as u64].map(u64::to_le_bytes).concat());
    file.extend([0_u16, 0, 64, 56, 0, 64, 3, 1].map(u16::to_le_bytes).concat());
    file.extend(names.iter().chain(&requirements));
    file.extend([0; 64]);
    // Type, offset, size, link, number of entries.
    for (kind, offset, size, link, count) in
        [(3_u32, 64, names.len(), 0_u32, 0_u32), (0x6fff_fffe, offset, requirements.len(), 1, 1)]
    {
        file.extend([0, kind].map(u32::to_le_bytes).concat());
        file.extend([0, 0, offset as u64, size as u64].map(u64::to_le_bytes).concat());
        file.extend([link, count].map(u32::to_le_bytes).concat());
        file.extend([1_u64, 0].map(u64::to_le_bytes).concat());
    }
    file
}

#[test]
fn architecture_and_glibc_are_checked() {
    use Architecture::{Arm64, X86_64};
    let cases = [
        (program(62, &[("GLIBC_2.34", 0), ("GLIBC_2.2.5", 0)]), X86_64, "x86_64, glibc 2.34 or later"),
        (
            program(62, &[("GLIBC_2.4", 0), ("GLIBC_2.30", 0), ("GLIBC_2.9", 0)]),
            X86_64,
            "x86_64, glibc 2.30 or later",
        ),
        (
            program(183, &[("GLIBC_2.17", 0), ("GCC_99.1", 0), ("GLIBC_PRIVATE", 0)]),
            Arm64,
            "arm64, glibc 2.17 or later",
        ),
        (program(62, &[("GLIBC_2.34", 0), ("GLIBC_2.39", 2)]), X86_64, "x86_64, glibc 2.34 or later"),
        (program(183, &[]), Arm64, "arm64, no C library"),
        (
            program(62, &[("GLIBC_2.35", 0)]),
            X86_64,
            "requires glibc 2.35, but Lambda's Amazon Linux 2023 has 2.34",
        ),
        (program(62, &[("GLIBC_2.2.5", 0), ("GLIBC_3.0", 0)]), X86_64, "requires glibc 3.0, but"),
        (program(62, &[]), Arm64, "wrong architecture x86_64; expected arm64"),
        (program(183, &[]), X86_64, "wrong architecture arm64; expected x86_64"),
        (program(243, &[]), X86_64, "not a 64-bit Linux program"),
        (program(62, &[("GLIBC_2.34", 0)])[..200].to_vec(), X86_64, "not a 64-bit Linux program"),
        (b"#!/bin/sh\n".to_vec(), X86_64, "not a 64-bit Linux program"),
        (Vec::new(), X86_64, "not a 64-bit Linux program"),
    ];
    for (index, (bytes, architecture, expected)) in cases.into_iter().enumerate() {
        let result = check(&bytes, architecture);
        let text = result.map_or_else(|error| error.to_string(), |requirements| requirements.to_string());
        assert!(text.starts_with(expected), "case {index}: {text}");
    }
}
