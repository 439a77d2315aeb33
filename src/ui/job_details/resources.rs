//! What the job had of each node.

use egui::{FontId, ScrollArea, TextStyle, TextWrapMode, Ui, text::LayoutJob};

use crate::{
    jobs::row::JobRow,
    state::{
        AppState,
        details::{Details, NodeUse, Nodes},
    },
    ui::{
        theme::Palette,
        widgets::{figures, small},
    },
    units::format_count,
};

const HEIGHT: f32 = 200.0;

/// Lists of ids are padded to the same width up to here; a longer one pushes its own line on.
const MAX_PADDING: usize = 40;

pub(super) fn ui(ui: &mut Ui, details: &Details, row: &JobRow, state: &AppState) {
    ui.label(figures(summary(row)));
    ui.label(small(
        ui,
        format!(
            "shared {}, SMT {}",
            row.get("shared").display(),
            row.get("smt").display()
        ),
    ));
    let nodes = &details.nodes;
    if let Some(trouble) = nodes.trouble {
        ui.label(small(ui, trouble));
        return;
    }
    if let Some(number) = row.int("num_nodes")
        && usize::try_from(number) != Ok(nodes.list.len())
    {
        let listed = format_count(nodes.list.len());
        let text = format!("Listed {listed}, but the column num_nodes says {number}");
        ui.label(small(ui, text).color(Palette::of(ui).warning));
    }
    let threads_per_node = (state.clusters.known.get(row.text("cluster")))
        .and_then(|cluster| {
            let mut parts = cluster.sub_clusters.iter();
            parts.find(|part| part.name == row.text("subcluster"))
        })
        .map(|part| part.threads_per_node)
        .filter(|threads| *threads > 0);
    table_ui(ui, nodes, threads_per_node);
}

/// "2 nodes, 144 hardware threads, no accelerators"
fn summary(row: &JobRow) -> String {
    let part = |column: &str, one: &str, many: &str| match row.int(column) {
        None => format!("unknown {many}"),
        Some(0) => format!("no {many}"),
        Some(1) => format!("1 {one}"),
        Some(number) => format!("{} {many}", format_count(number)),
    };
    [
        part("num_nodes", "node", "nodes"),
        part("num_hwthreads", "hardware thread", "hardware threads"),
        part("num_acc", "accelerator", "accelerators"),
    ]
    .join(", ")
}

/// One line for each node, scrolled in both directions: a job can have thousands of them, and a
/// node hundreds of threads.
fn table_ui(ui: &mut Ui, nodes: &Nodes, threads_per_node: Option<u64>) {
    let height = ui.text_style_height(&TextStyle::Monospace) + 2.0;
    let num_lines = nodes.list.len() + 1;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = 0.0;
        ScrollArea::both()
            .id_salt("nodes")
            .max_height(HEIGHT)
            .min_scrolled_height((height * num_lines as f32 + 12.0).min(HEIGHT))
            .auto_shrink([false, true])
            .show_rows(ui, height - 2.0, num_lines, |ui, range| {
                ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
                for index in range {
                    let text = match index.checked_sub(1) {
                        None => header(ui, nodes),
                        Some(index) => {
                            let Some(node) = nodes.list.get(index) else {
                                continue;
                            };
                            line(ui, nodes, node, threads_per_node)
                        }
                    };
                    ui.label(text);
                }
            });
    });
}

/// Columns of a table in a monospaced face, and what each is padded to.
struct Columns<'a> {
    host: &'a str,
    threads: String,
    accelerators: String,
    thread_ids: &'a str,
    rest: String,
}

impl Columns<'_> {
    fn laid_out(&self, nodes: &Nodes, colors: [egui::Color32; 2]) -> LayoutJob {
        let [main, ids] = colors;
        let mut job = LayoutJob::default();
        let font = FontId::monospace(11.5);
        let mut add = |text: String, color| {
            job.append(&text, 0.0, egui::TextFormat::simple(font.clone(), color));
        };
        let host_width = nodes.host_width.max("node".len());
        add(
            format!(
                "{:<host_width$}  {:>7}  {:>4}",
                self.host, self.threads, self.accelerators
            ),
            main,
        );
        let ids_width = nodes.threads_width.min(MAX_PADDING);
        let text = format!("  {:<ids_width$}  {}", self.thread_ids, self.rest);
        add(text.trim_end().to_owned(), ids);
        job
    }
}

fn header(ui: &Ui, nodes: &Nodes) -> LayoutJob {
    let muted = Palette::of(ui).muted;
    let has_ids = |of: &dyn Fn(&NodeUse) -> bool| nodes.list.iter().any(of);
    Columns {
        host: "node",
        threads: "threads".to_owned(),
        accelerators: "acc.".to_owned(),
        thread_ids: if nodes.threads_width > 0 { "ids" } else { "" },
        rest: if has_ids(&|node| node.accelerators.is_some()) {
            "accelerators".to_owned()
        } else {
            String::new()
        },
    }
    .laid_out(nodes, [muted, muted])
}

fn line(ui: &Ui, nodes: &Nodes, node: &NodeUse, threads_per_node: Option<u64>) -> LayoutJob {
    let palette = Palette::of(ui);
    let accelerators = node.accelerators.as_ref();
    let rest = [
        accelerators.map_or("", |ids| ids.text.as_str()),
        node.configuration.as_str(),
    ];
    Columns {
        host: &node.hostname,
        threads: match (&node.threads, threads_per_node) {
            (Some(ids), _) => ids.count.to_string(),
            (None, Some(all)) => all.to_string(),
            (None, None) => "all".to_owned(),
        },
        accelerators: accelerators.map_or_else(|| "0".to_owned(), |ids| ids.count.to_string()),
        thread_ids: node.threads.as_ref().map_or("", |ids| ids.text.as_str()),
        rest: rest.join("  ").trim().to_owned(),
    }
    .laid_out(nodes, [palette.text, palette.muted])
}
