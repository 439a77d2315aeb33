//! What was measured, for people who have no jobscope: pictures of the memory over time, tables of
//! its samples and events, and reports on recordings that need nothing beside themselves.

mod canvas;
pub mod chart;
pub mod csv;
pub mod fonts;
pub mod html;
mod ink;
pub mod page;
mod pixels;
mod svg;

pub use self::ink::Theme;
