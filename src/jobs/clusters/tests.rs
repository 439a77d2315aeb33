use std::fs;

use super::*;

const OAK: &str = r#"{"name": "oak", "metricConfig": [
    {"name": "cpu_load", "peak": 64, "footprint": "avg"},
    {"name": "mem_bw", "unit": {"prefix": "G", "base": "B/s"}, "footprint": "avg"},
    {"name": "io", "unit": {"base": "B/s"}, "peak": 5}
], "subClusters": [{"name": "main"}]}"#;

const PINE: &str = r#"{"name": "pine", "metricConfig": [
    {"name": "cpu_load", "unit": {"base": "load"}, "peak": 128, "footprint": "max", "subClusters": [
        {"name": "big", "peak": 256, "footprint": "max"},
        {"name": "gone", "remove": true}]},
    {"name": "mem_bw", "unit": {"prefix": "M", "base": "B/s"}, "peak": 350, "footprint": "max"},
    {"name": "io", "peak": 9, "subClusters": [{"name": "big", "peak": 9, "footprint": "min"}]},
    {"name": "idle"}
], "subClusters": [{"name": "big"}, {"name": "gone"}]}"#;

fn both() -> Clusters {
    let mut clusters = Clusters::default();
    for text in [PINE, OAK] {
        clusters.insert(Clusters::parse(text, Path::new("a.json")).expect("a description"));
    }
    clusters
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    fs::write(&path, text).expect("written");
    path
}

fn names(clusters: &Clusters) -> Vec<&str> {
    clusters.names().collect()
}

fn load_error(path: &Path) -> Error {
    Clusters::load(&[path.to_owned()]).expect_err("nothing to read")
}

fn scale(peak: f64, unit: &str, statistic: Option<&str>) -> MetricScale {
    MetricScale {
        peak,
        unit: unit.to_owned(),
        statistic: statistic.map(ToOwned::to_owned),
    }
}

#[test]
fn the_scale_is_the_given_clusters_where_it_has_a_peak() {
    let clusters = both();
    assert_eq!(
        clusters.scale(Some("oak"), "cpu_load"),
        Some(scale(64.0, "", Some("avg"))),
        "not the unit of another cluster"
    );
    assert_eq!(
        clusters.scale(Some("oak"), "io"),
        Some(scale(5.0, "B/s", None)),
        "in no footprint of this cluster"
    );
}

#[test]
fn without_a_peak_the_scale_is_that_of_all_clusters() {
    let clusters = both();
    assert_eq!(
        clusters.scale(None, "cpu_load"),
        Some(scale(128.0, "load", Some("avg"))),
        "the largest peak, the first unit and statistic"
    );
    assert_eq!(
        clusters.scale(Some("oak"), "mem_bw"),
        Some(scale(350.0, "GB/s", Some("avg"))),
        "the cluster's own unit comes first"
    );
    assert_eq!(
        clusters.scale(Some("birch"), "cpu_load"),
        clusters.scale(None, "cpu_load"),
        "a cluster without a description"
    );
    assert_eq!(clusters.scale(None, "idle"), None, "no peak anywhere");
    assert_eq!(clusters.scale(Some("pine"), "unheard_of"), None);
    assert_eq!(Clusters::default().scale(None, "cpu_load"), None);
}

#[test]
fn a_sub_clusters_metric_comes_before_the_clusters() {
    let clusters = both();
    let peak = |cluster, part, name| clusters.metric(cluster, part, name).map(|m| m.peak);
    assert_eq!(peak("pine", "big", "cpu_load"), Some(Some(256.0)));
    assert_eq!(peak("pine", "unheard_of", "cpu_load"), Some(Some(128.0)));
    assert_eq!(peak("pine", "gone", "cpu_load"), None, "removed there");
    assert_eq!(peak("pine", "big", "unheard_of"), None);
    assert_eq!(peak("birch", "big", "cpu_load"), None);
}

#[test]
fn footprint_metrics_are_named_once_and_sorted() {
    // `io` is one only in a sub-cluster.
    assert_eq!(both().footprint_metrics(), ["cpu_load", "io", "mem_bw"]);
    assert!(Clusters::default().footprint_metrics().is_empty());
}

#[test]
fn a_later_description_replaces_an_earlier_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = write(folder.path(), "b.json", OAK);
    let second = write(
        folder.path(),
        "a.json",
        r#"{"name": "oak", "metricConfig": []}"#,
    );

    let mut clusters = Clusters::load(&[first.clone(), second.clone()]).expect("two files");
    assert_eq!(names(&clusters), ["oak"]);
    assert_eq!(clusters.get("oak").map(|oak| &oak.path), Some(&second));

    let mut other = Clusters::load(std::slice::from_ref(&first)).expect("a file");
    other.skipped.push(second);
    clusters.merge(other.clone());
    clusters.merge(other.clone());
    assert_eq!(clusters, other);
}

#[test]
fn a_folder_of_descriptions_says_what_it_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "pine.JSON", PINE);
    write(folder.path(), "oak.json", OAK);
    write(folder.path(), "readme.txt", "no JSON");
    let skipped = [
        write(folder.path(), "broken.json", "{"),
        write(folder.path(), "settings.json", "{\"a\": 1}"),
    ];

    let clusters = Clusters::load(&[folder.path().to_owned()]).expect("a folder");

    assert_eq!(names(&clusters), ["oak", "pine"]);
    assert_eq!(clusters.skipped, skipped);
}

#[test]
fn the_root_of_a_job_archive_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "version.txt", "3\n");
    write(folder.path(), "pine/cluster.json", PINE);
    write(
        folder.path(),
        "birch/cluster.json",
        r#"{"metricConfig": []}"#,
    );
    write(folder.path(), "birch/1403/244/160/meta.json", "{}");
    write(folder.path(), "empty/1403/notes.json", "{}");

    let clusters = Clusters::load(&[folder.path().to_owned()]).expect("an archive");
    assert_eq!(names(&clusters), ["birch", "pine"]);
    assert!(clusters.skipped.is_empty());

    let clusters = Clusters::load(&[folder.path().join("birch")]).expect("a cluster of it");
    assert_eq!(names(&clusters), ["birch"]);
}

#[test]
fn a_broken_description_in_a_folder_is_not_left_out() {
    for (name, text) in [
        ("pine/cluster.json", "{"),
        ("pine.json", r#"{"metricConfig": [{}]}"#),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "oak.json", OAK);
        let broken = write(folder.path(), name, text);

        let error = load_error(folder.path());

        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        let message = error.to_string();
        let path = broken.display().to_string();
        assert!(message.contains(&path), "{message}");
    }
}

#[test]
fn a_folder_without_descriptions_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    for found in ["no JSON file", "only JSON file", "2 JSON files"] {
        let error = load_error(folder.path());
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        let message = error.to_string();
        for part in [path.as_str(), "expected a cluster description", found] {
            assert!(message.contains(part), "{part:?} in {message}");
        }
        write(
            folder.path(),
            &format!("{}.json", found.replace(' ', "-")),
            "[]",
        );
    }
}

#[test]
fn what_is_no_text_or_too_long_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let latin = write(
        folder.path(),
        "latin.json",
        b"{\"metricConfig\": [\"\xb0C\"]}",
    );
    let long = folder.path().join("long.json");
    let file = File::create(&long).expect("created");
    file.set_len(MAX_FILE_BYTES + 1).expect("a sparse file");
    for (path, found) in [(latin, "not UTF-8"), (long, "larger than 16 MiB")] {
        let error = load_error(&path);
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        let message = error.to_string();
        let path = path.display().to_string();
        for part in [path.as_str(), "expected a cluster description", found] {
            assert!(message.contains(part), "{part:?} in {message}");
        }
    }
}

#[test]
fn the_largest_file_that_is_read_ends_at_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = OAK.to_owned();
    text.push_str(&" ".repeat(MAX_FILE_BYTES as usize - OAK.len()));
    let path = write(folder.path(), "oak.json", text);
    assert_eq!(
        names(&Clusters::load(&[path]).expect("just small enough")),
        ["oak"]
    );
}

#[test]
fn a_path_that_is_not_there_is_a_failed_file_operation() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nowhere.json");
    let error = load_error(&path);
    assert!(matches!(error, Error::File { .. }), "{error}");
    let message = error.to_string();
    for part in ["nowhere.json", "cluster.json, or a folder of them"] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_neither_file_nor_folder_is_not_opened() {
    let error = load_error(Path::new("/dev/null"));
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("neither a file nor a folder"));
}

#[test]
fn nothing_asked_for_is_nothing_read() {
    let clusters = Clusters::load(&[]).expect("nothing");
    assert!(clusters.is_empty());
    assert_eq!(clusters, Clusters::default());
}

#[test]
fn the_backends_example_clusters_have_their_peaks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/clusters");
    if !folder.is_dir() {
        println!("skipped: the example clusters are not on this machine");
        return;
    }
    let clusters = Clusters::load(&[folder]).expect("three descriptions");
    assert_eq!(names(&clusters), ["alex", "emmy", "fritz"]);
    assert!(clusters.skipped.is_empty());
    for (cluster, metric, expected) in [
        ("fritz", "cpu_load", scale(72.0, "", Some("avg"))),
        ("fritz", "mem_used", scale(256.0, "GB", Some("max"))),
        ("fritz", "flops_any", scale(5600.0, "GFlops/s", Some("avg"))),
        ("fritz", "mem_bw", scale(350.0, "GB/s", Some("avg"))),
        ("alex", "cpu_load", scale(128.0, "", Some("avg"))),
        ("alex", "mem_used", scale(512.0, "GB", Some("max"))),
        ("alex", "flops_any", scale(9216.0, "GFlops/s", Some("avg"))),
        ("alex", "mem_bw", scale(350.0, "GB/s", Some("avg"))),
        ("alex", "acc_utilization", scale(100.0, "", Some("avg"))),
    ] {
        assert_eq!(
            clusters.scale(Some(cluster), metric),
            Some(expected),
            "{cluster} {metric}"
        );
    }
    let emmy = clusters.get("emmy").expect("emmy");
    let parts = emmy.sub_clusters.iter().flat_map(|part| &part.metrics);
    assert!(
        emmy.metrics
            .iter()
            .chain(parts)
            .all(|metric| metric.footprint.is_none())
    );
    assert_eq!(
        clusters.footprint_metrics(),
        [
            "acc_utilization",
            "cpu_load",
            "flops_any",
            "mem_bw",
            "mem_used"
        ]
    );
    let main = &clusters.get("fritz").expect("fritz").sub_clusters[0];
    assert_eq!(
        (
            main.num_nodes,
            main.threads_per_node,
            main.accelerators_per_node
        ),
        (Some(992), 72, 0)
    );
    assert_eq!(clusters.metric("fritz", "spr1tb", "mem_bw"), None);
}
