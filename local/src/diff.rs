//! Who gains and who loses which right.
