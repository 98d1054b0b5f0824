//! Tables of what a policy must and must not allow.
