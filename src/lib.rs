//! An AWS IoT Core custom authorizer.
