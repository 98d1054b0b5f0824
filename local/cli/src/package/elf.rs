//! The requirements of a built function: architecture and C library.

use std::fmt;

use object::LittleEndian;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, VER_FLG_WEAK};
use object::read::elf::FileHeader;
use thiserror::Error;

use super::build::Architecture;

/// The version of glibc in Amazon Linux 2023, the system of `provided.al2023`.
/// <https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html>
pub const GLIBC: Version = Version(2, 34);

/// A version of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

/// The requirements of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// The architecture.
    pub architecture: Architecture,
    /// The minimum version of glibc, or `None` if glibc is not dynamically linked.
    pub glibc: Option<Version>,
}

/// An error that prevents a file from running as a function of `provided.al2023`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// The file is not a 64-bit Linux program for an architecture of Lambda.
    #[error(
        "not a 64-bit Linux program for x86-64 or arm64\n  help: build it with cargo-lambda (docs/package.md)"
    )]
    NotLinux,
    /// The program is for another architecture than the package.
    #[error("wrong architecture {found}; expected {expected}")]
    Architecture {
        /// The architecture of the program.
        found: Architecture,
        /// The architecture of the package.
        expected: Architecture,
    },
    /// The program requires a later version of glibc than Lambda has.
    #[error(
        "requires glibc {0}, but Lambda's Amazon Linux 2023 has {GLIBC}\n  \
         help: build it with cargo-lambda (docs/package.md) or on an older system"
    )]
    Glibc(Version),
}

/// Checks that Lambda can run a program.
///
/// # Errors
/// See [`ElfError`].
pub fn check(bytes: &[u8], expected: Architecture) -> Result<Requirements, ElfError> {
    let found = architecture(bytes)?;
    if found != expected {
        return Err(ElfError::Architecture { found, expected });
    }
    let glibc = glibc(bytes).map_err(|_| ElfError::NotLinux)?;
    match glibc.filter(|version| *version > GLIBC) {
        Some(version) => Err(ElfError::Glibc(version)),
        None => Ok(Requirements { architecture: found, glibc }),
    }
}

/// Returns the architecture of a program.
///
/// # Errors
/// See [`ElfError::NotLinux`].
pub fn architecture(bytes: &[u8]) -> Result<Architecture, ElfError> {
    let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(|_| ElfError::NotLinux)?;
    header.endian().map_err(|_| ElfError::NotLinux)?;
    match header.e_machine(LittleEndian) {
        EM_X86_64 => Ok(Architecture::X86_64),
        EM_AARCH64 => Ok(Architecture::Arm64),
        _ => Err(ElfError::NotLinux),
    }
}

/// The highest `GLIBC_x.y` among the symbol versions that a program requires.
fn glibc(bytes: &[u8]) -> object::Result<Option<Version>> {
    let header = FileHeader64::<LittleEndian>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? else { return Ok(None) };
    let strings = sections.strings(endian, bytes, link)?;
    let mut highest = None;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            // Rust's standard library uses some functions only if they exist. The loader accepts that they are missing.
            if version.vna_flags.get(endian).contains(VER_FLG_WEAK) {
                continue;
            }
            highest = highest.max(Version::parse(version.name(endian, strings)?));
        }
    }
    Ok(highest)
}

impl Version {
    /// Parses `GLIBC_2.34` or `GLIBC_2.2.5`. Other names belong to other libraries.
    fn parse(name: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?.split('.');
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.0, self.1)
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.glibc {
            Some(version) => write!(out, "{}, glibc {version} or later", self.architecture),
            None => write!(out, "{}, no C library", self.architecture),
        }
    }
}
