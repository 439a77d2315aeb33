//! What survives a restart and a crash: written as it changes, read at the start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    command::{ThemeChoice, View},
    db::profile::MemoryProfile,
    error::{Error, Result},
    jobs::{filter::JobFilter, statistics::GroupBy},
};

/// Recent files are kept up to this number.
const MAX_RECENT: usize = 10;

/// Where the window was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// Left edge, in points.
    pub x: f32,
    /// Upper edge, in points.
    pub y: f32,
    /// Inner width, in points.
    pub width: f32,
    /// Inner height, in points.
    pub height: f32,
}

/// Everything that is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// How large everything is; 1 is normal.
    pub zoom: f32,
    /// The view that was open.
    pub view: View,
    /// The grouping of the statistics.
    pub group_by: GroupBy,
    /// The tuning panel is open.
    pub tuning_shown: bool,
    /// Height of the memory strip, in points.
    pub strip_height: f32,
    /// The step of the tour that is open; `None` once it was closed.
    pub tour: Option<usize>,
    /// Databases that were opened, newest first.
    pub recent: Vec<PathBuf>,
    /// The database that was open.
    pub last_database: Option<PathBuf>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
    /// The filter of `last_database`.
    pub filter: JobFilter,
    /// The settings in use.
    pub profile: MemoryProfile,
    /// The user's own profiles.
    pub profiles: Vec<MemoryProfile>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            zoom: 1.0,
            view: View::Jobs,
            group_by: GroupBy::User,
            tuning_shown: true,
            strip_height: 150.0,
            tour: None,
            recent: Vec::new(),
            last_database: None,
            window: None,
            filter: JobFilter::default(),
            profile: MemoryProfile::jobscope(),
            profiles: Vec::new(),
        }
    }
}

impl Settings {
    /// The settings file of the user: `settings.toml` in the configuration folder.
    pub fn default_path() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "jobscope")
            .map(|folders| folders.config_dir().join("settings.toml"))
    }

    /// Reads the settings; the defaults if there are none yet.
    ///
    /// # Errors
    /// If the file cannot be read or understood. It is kept beside as `settings.toml.bad`, so that
    /// nothing of it is lost when new settings are written.
    pub fn load(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(Error::file("read the settings", path, source)),
        };
        let parsed: Result<Self, _> = toml::from_str(&text);
        match parsed.map(|settings| (settings.profile.clone().checked(), settings)) {
            Ok((Ok(_), settings)) => Ok(settings),
            Ok((Err(error), _)) => {
                keep_beside(path)?;
                Err(error)
            }
            Err(source) => {
                keep_beside(path)?;
                Err(Error::other(
                    format!("understand the settings {}", path.display()),
                    source,
                ))
            }
        }
    }

    /// Writes the settings beside the old ones and then replaces them, so that a crash in the
    /// middle leaves one or the other.
    ///
    /// # Errors
    /// If the file or its folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string_pretty(self)
            .map_err(|source| Error::other("write the settings as TOML", source))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::file("create the folder", folder, source))?;
        }
        let part = path.with_extension("toml.part");
        std::fs::write(&part, text)
            .and_then(|()| std::fs::rename(&part, path))
            .map_err(|source| Error::file("write the settings", path, source))
    }

    pub(super) fn note_recent(&mut self, path: &Path) {
        self.recent.retain(|recent| recent != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(MAX_RECENT);
    }
}

fn keep_beside(path: &Path) -> Result<()> {
    let beside = path.with_extension("toml.bad");
    std::fs::rename(path, &beside)
        .map_err(|source| Error::file("keep the old settings as", &beside, source))
}
