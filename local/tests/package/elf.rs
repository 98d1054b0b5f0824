//! Programs with all kinds of needs, made by hand.

use iot_local::package::build::Architecture;
use iot_local::package::elf::fit;

/// A program that needs versions of one library, some of them weakly: header, names, needs, table of sections.
fn program(machine: u16, versions: &[(&str, u16)]) -> Vec<u8> {
    let mut names = b"\0libc.so.6\0".to_vec();
    // Version 1, how many, the library's name, where the first is, no next library.
    let mut needs = [1_u16, u16::try_from(versions.len()).unwrap()].map(u16::to_le_bytes).concat();
    needs.extend([1_u32, 16, 0].map(u32::to_le_bytes).concat());
    for (at, (name, flags)) in versions.iter().enumerate() {
        needs.extend(0_u32.to_le_bytes());
        needs.extend([*flags, 2].map(u16::to_le_bytes).concat());
        let next = if at + 1 < versions.len() { 16 } else { 0 };
        needs.extend([u32::try_from(names.len()).unwrap(), next].map(u32::to_le_bytes).concat());
        names.extend(name.bytes().chain([0]));
    }
    let (at, end) = (64 + names.len(), 64 + names.len() + needs.len());
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([3, machine, 1, 0].map(u16::to_le_bytes).concat());
    file.extend([0, 0, end as u64].map(u64::to_le_bytes).concat());
    file.extend([0_u16, 0, 64, 56, 0, 64, 3, 1].map(u16::to_le_bytes).concat());
    file.extend(names.iter().chain(&needs));
    file.extend([0; 64]);
    // Kind, place, size, link, how many.
    for (kind, offset, size, link, count) in
        [(3_u32, 64, names.len(), 0_u32, 0_u32), (0x6fff_fffe, at, needs.len(), 1, 1)]
    {
        file.extend([0, kind].map(u32::to_le_bytes).concat());
        file.extend([0, 0, offset as u64, size as u64].map(u64::to_le_bytes).concat());
        file.extend([link, count].map(u32::to_le_bytes).concat());
        file.extend([1_u64, 0].map(u64::to_le_bytes).concat());
    }
    file
}

#[test]
fn what_a_program_needs_decides() {
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
        (program(62, &[("GLIBC_2.35", 0)]), X86_64, "needs glibc 2.35"),
        (program(62, &[("GLIBC_2.2.5", 0), ("GLIBC_3.0", 0)]), X86_64, "needs glibc 3.0"),
        (program(62, &[]), Arm64, "is of x86_64, and the package is to be of arm64"),
        (program(183, &[]), X86_64, "is of arm64"),
        (program(243, &[]), X86_64, "is no 64-bit program of Linux"),
        (program(62, &[("GLIBC_2.34", 0)])[..200].to_vec(), X86_64, "is no 64-bit program of Linux"),
        (b"#!/bin/sh\n".to_vec(), X86_64, "is no 64-bit program of Linux"),
        (Vec::new(), X86_64, "is no 64-bit program of Linux"),
    ];
    for (at, (bytes, wanted, expected)) in cases.into_iter().enumerate() {
        let said = fit(&bytes, wanted).map_or_else(|unfit| unfit.to_string(), |needs| needs.to_string());
        assert!(said.starts_with(expected), "case {at}: {said}");
    }
}
