//! What survives a restart and a crash: written as it changes, read at the start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    command::{ThemeChoice, View},
    db::profile::MemoryProfile,
    error::{Error, Result},
    jobs::{
        filter::JobFilter,
        histogram::DurationBins,
        lookup::{Stack, Step},
        sort::Sort,
        statistics::GroupBy,
    },
    memory::quantity::Quantity,
    state::{clusters::ClusterPaths, job_list::layout::TableLayout},
    units::{Bytes, optional_bytes},
};

/// Recent files are kept up to this number.
const MAX_RECENT: usize = 10;

/// Where the window was, in points at normal size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowPlace {
    /// Upper left corner, where the platform tells.
    pub position: Option<[f32; 2]>,
    /// Inner width and height.
    pub size: [f32; 2],
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
    /// The bins of the histogram of durations.
    pub duration_bins: DurationBins,
    /// The steps of the chart over time.
    pub step: Step,
    /// What the chart over time is stacked by.
    pub stack: Stack,
    /// The tuning panel is open.
    pub tuning_shown: bool,
    /// The step of the tour that is open; `None` once it was closed.
    pub tour: Option<usize>,
    /// Databases that were opened, newest first.
    pub recent: Vec<PathBuf>,
    /// The database that was open.
    pub last_database: Option<PathBuf>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
    /// The filter of `last_database`, as JSON.
    #[serde(deserialize_with = "filter_or_none")]
    pub filter: JobFilter,
    /// The order of the job list, as on the command line.
    #[serde(serialize_with = "sort_as_text", deserialize_with = "sort_or_default")]
    pub sort: Sort,
    /// The settings in use.
    pub profile: MemoryProfile,
    /// Stop the largest task when less than this is available.
    #[serde(with = "optional_bytes")]
    pub guard: Option<Bytes>,
    /// The curves of the memory chart, by their keys.
    #[serde(
        serialize_with = "quantities_as_keys",
        deserialize_with = "known_quantities"
    )]
    pub quantities: Vec<Quantity>,
    /// The user's own profiles.
    pub profiles: Vec<MemoryProfile>,
    /// The cluster descriptions of each database.
    pub clusters: Vec<ClusterPaths>,
    /// The columns of the job table, for each database.
    pub tables: Vec<TableLayout>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            zoom: 1.0,
            view: View::Jobs,
            group_by: GroupBy::User,
            duration_bins: DurationBins::default(),
            step: Step::default(),
            stack: Stack::default(),
            tuning_shown: true,
            tour: None,
            recent: Vec::new(),
            last_database: None,
            window: None,
            filter: JobFilter::default(),
            sort: Sort::default(),
            profile: MemoryProfile::jobscope(),
            guard: Some(Bytes::mib(512)),
            quantities: Quantity::DEFAULT.to_vec(),
            profiles: Vec::new(),
            clusters: Vec::new(),
            tables: Vec::new(),
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
    /// If the file cannot be read, or not understood; what cannot be understood is kept beside as
    /// `settings.toml.bad`. A file that is still there afterwards must not be written over.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(Error::file("read the settings", path, source)),
        };
        let parsed = String::from_utf8(bytes)
            .map_err(|source| Error::other("read the settings as text", source))
            .and_then(|text| {
                toml::from_str(&text).map_err(|source| {
                    Error::other(
                        format!("understand the settings {}", path.display()),
                        source,
                    )
                })
            });
        if parsed.is_err() {
            keep_beside(path)?;
        }
        parsed
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

/// What is no filter of today (the table of earlier versions, a slip of the pen) is no filter: all
/// other settings are worth more than this one.
fn filter_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobFilter, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let read = |text| JobFilter::from_json(text).ok();
    Ok(value.as_str().and_then(read).unwrap_or_default())
}

fn sort_or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sort, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let read = |text: &str| text.parse().ok();
    Ok(value.as_str().and_then(read).unwrap_or_default())
}

fn sort_as_text<S: Serializer>(sort: &Sort, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(sort)
}

fn quantities_as_keys<S: Serializer>(
    quantities: &[Quantity],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(quantities.iter().map(|quantity| quantity.key()))
}

/// Curves of a later version are left out; what is no list at all is that of a new user.
fn known_quantities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Quantity>, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let Some(keys) = value.as_array() else {
        return Ok(Quantity::DEFAULT.to_vec());
    };
    let known = keys
        .iter()
        .filter_map(|key| Quantity::from_key(key.as_str()?).ok());
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Settings {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, text).expect("written");
        Settings::load(&path).expect("settings that can be read")
    }

    #[test]
    fn a_filter_and_an_order_survive_the_round_trip() {
        let settings = Settings {
            filter: JobFilter::default().with_states(["failed"]),
            sort: "footprint.mem_bw_avg:asc".parse().expect("an order"),
            window: Some(WindowPlace::default()),
            ..Settings::default()
        };
        let text = toml::to_string_pretty(&settings).expect("written as TOML");
        assert_eq!(read(&text), settings);
    }

    #[test]
    fn the_chosen_curves_survive_the_round_trip_and_later_ones_are_left_out() {
        let settings = Settings {
            quantities: vec![Quantity::Wal, Quantity::Rss],
            ..Settings::default()
        };
        let text = toml::to_string_pretty(&settings).expect("written as TOML");
        assert_eq!(read(&text).quantities, settings.quantities);
        let later = read("quantities = [\"rss\", \"swap\", 3]");
        assert_eq!(later.quantities, [Quantity::Rss]);
        assert_eq!(read("quantities = []").quantities, []);
        assert_eq!(read("quantities = 7").quantities, Quantity::DEFAULT);
    }

    #[test]
    fn a_filter_that_cannot_be_read_leaves_the_other_settings_alone() {
        for filter in [
            "[filter]\ncluster = \"fritz\"\nstates = [\"failed\"]\nfrom_unix_secs = 1700000000",
            "filter = 'no JSON'",
            "filter = '{\"clutser\":{\"eq\":\"fritz\"}}'",
            "filter = 3\nsort = \"colour:up\"",
            "sort = [1]",
        ] {
            let settings = read(&format!("view = \"memory\"\n{filter}\n"));
            assert_eq!(settings.view, View::Memory, "{filter}");
            assert!(settings.filter.is_empty(), "{filter}");
            assert_eq!(settings.sort, Sort::default(), "{filter}");
        }
    }
}
