//! What a built function asks of the system that runs it: its processor and its C library.

use std::fmt;

use object::LittleEndian;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, VER_FLG_WEAK};
use object::read::elf::FileHeader;
use thiserror::Error;

use super::build::Architecture;

/// The C library of Amazon Linux 2023, which `provided.al2023` is made of.
/// <https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html>
pub const GLIBC: Version = Version(2, 34);

/// A version of the GNU C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

/// What a function needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The processor.
    pub architecture: Architecture,
    /// The least GNU C library; none is linked dynamically if there is none.
    pub glibc: Option<Version>,
}

/// Why a file is no function of `provided.al2023`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// Not a program of Linux on one of the two processors.
    #[error(
        "is no 64-bit program of Linux for x86-64 or arm64, which Lambda runs: build it with cargo-lambda (docs/package.md)"
    )]
    NotLinux,
    /// Of the other processor.
    #[error("is of {found}, and the package is to be of {wanted}")]
    Processor {
        /// What it is built for.
        found: Architecture,
        /// What was asked for.
        wanted: Architecture,
    },
    /// Built against a C library that is newer than Lambda's.
    #[error(
        "needs glibc {0}, and Lambda's Amazon Linux 2023 has {GLIBC}: build it with cargo-lambda (docs/package.md), or on an older system"
    )]
    Glibc(Version),
}

/// Whether Lambda can run it.
///
/// # Errors
/// Why not, and how to fix it.
pub fn fit(bytes: &[u8], wanted: Architecture) -> Result<Needs, Unfit> {
    let found = architecture(bytes)?;
    if found != wanted {
        return Err(Unfit::Processor { found, wanted });
    }
    let glibc = glibc(bytes).map_err(|_| Unfit::NotLinux)?;
    match glibc.filter(|version| *version > GLIBC) {
        Some(version) => Err(Unfit::Glibc(version)),
        None => Ok(Needs { architecture: found, glibc }),
    }
}

/// The processor that a program is for.
///
/// # Errors
/// It is for none that Lambda has.
pub fn architecture(bytes: &[u8]) -> Result<Architecture, Unfit> {
    let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(|_| Unfit::NotLinux)?;
    header.endian().map_err(|_| Unfit::NotLinux)?;
    match header.e_machine(LittleEndian) {
        EM_X86_64 => Ok(Architecture::X86_64),
        EM_AARCH64 => Ok(Architecture::Arm64),
        _ => Err(Unfit::NotLinux),
    }
}

/// The highest `GLIBC_x.y` among the versions that a program needs.
fn glibc(bytes: &[u8]) -> object::Result<Option<Version>> {
    let header = FileHeader64::<LittleEndian>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let Some((mut needs, link)) = sections.gnu_verneed(endian, bytes)? else { return Ok(None) };
    let strings = sections.strings(endian, bytes, link)?;
    let mut highest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            // Rust's library asks for some functions without needing them, and the loader lets those be absent.
            if version.vna_flags.get(endian).contains(VER_FLG_WEAK) {
                continue;
            }
            highest = highest.max(Version::named(version.name(endian, strings)?));
        }
    }
    Ok(highest)
}

impl Version {
    /// Of `GLIBC_2.34` or `GLIBC_2.2.5`; other names are other libraries'.
    fn named(name: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?.split('.');
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.0, self.1)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.glibc {
            Some(version) => write!(out, "{}, glibc {version} or later", self.architecture),
            None => write!(out, "{}, no C library", self.architecture),
        }
    }
}
