//! What several test files share.

#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file asks files")]
pub mod asked;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file runs tasks")]
pub mod engine;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file exports")]
pub mod exported;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(
    dead_code,
    reason = "not every test file needs every part of the database"
)]
pub mod jobdb;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(
    dead_code,
    unused_imports,
    reason = "not every test file compares with plain Rust"
)]
pub mod oracle;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file starts the program")]
pub mod program;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(
    dead_code,
    reason = "not every test file fills tables with random rows"
)]
pub mod random_jobs;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file takes pictures")]
pub mod renderer;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(
    dead_code,
    unused_imports,
    reason = "not every test file opens every schema"
)]
pub mod schemas;
#[expect(clippy::allow_attributes, reason = "unused in some test files only")]
#[allow(dead_code, reason = "not every test file drives the window")]
pub mod ui;
