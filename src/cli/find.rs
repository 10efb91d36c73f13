//! `dam find`: which assets match.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use comfy_table::Table;
use serde_json::Value;

use super::args::Global;
use super::backend::{self, Backend};
use super::{Done, Failure, print};
use crate::ops::find::Order;
use crate::ops::folders;
use crate::ops::proto::Command;
use crate::ops::{Listener, OpsError};

#[derive(Debug, Args)]
pub struct FindArgs {
    /// The query; else everything.
    #[arg(value_name = "EXPR")]
    pub expr: Option<String>,
    /// In the order of name, path, size, kind, format, width, height, rating, stars, created, imported, changed or expires.
    #[arg(long, value_name = "FIELD[,desc]")]
    pub sort: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only how many.
    #[arg(long, conflicts_with_all = ["sort", "format", "columns", "print0"])]
    pub count: bool,
    /// How they are printed.
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<Format>,
    /// A table of these: path, id, name, kind, format, size, dimensions, width, height, rating, stars, persona, campaign, tag, created, imported, changed.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', conflicts_with_all = ["json", "print0"])]
    pub columns: Vec<String>,
    /// Raw paths, each ended by NUL.
    #[arg(short = '0', long, conflicts_with_all = ["json", "format"])]
    pub print0: bool,
}

/// How found assets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Paths,
    Table,
    Json,
}

/// Finds. To a terminal a table, else one line each and nothing else.
pub fn run(global: &Global, args: FindArgs) -> Done {
    if let Some(order) = &args.sort {
        Order::parse(order).map_err(Failure::from)?;
    }
    let columns = columns(&args.columns)?;
    let root = backend::root(global, &[])?;
    let command =
        Command::Find { expr: args.expr.clone(), sort: args.sort.clone(), limit: args.limit, count: args.count };
    let mut backend = Backend::open(global, &root)?;
    if args.count {
        let value = backend.run(command, None)?;
        if global.json {
            print::json(&value)?
        } else {
            print::line(&value["count"].to_string())?
        }
        return Ok(ExitCode::SUCCESS);
    }
    let printer = Printer { how: how(global, &args, &columns), columns, state: Mutex::default() };
    backend.run_telling(command, None, &printer)?;
    printer.end()?;
    Ok(ExitCode::SUCCESS)
}

/// How assets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Lines,
    Raw,
    Table,
    Json,
}

fn how(global: &Global, args: &FindArgs, columns: &[Column]) -> How {
    match args.format {
        _ if global.json => How::Json,
        Some(Format::Json) => How::Json,
        Some(Format::Table) => How::Table,
        _ if args.print0 => How::Raw,
        Some(Format::Paths) => How::Lines,
        None if print::to_terminal() || !columns.is_empty() => How::Table,
        None => How::Lines,
    }
}

/// Heading and field of a column.
type Column = (&'static str, &'static str);

const COLUMNS: [Column; 17] = [
    ("path", "path"),
    ("id", "id"),
    ("name", "view_name"),
    ("kind", "kind"),
    ("format", "format"),
    ("size", "size"),
    ("dimensions", "dimensions"),
    ("width", "width"),
    ("height", "height"),
    ("rating", "rating"),
    ("stars", "stars"),
    ("persona", "persona"),
    ("campaign", "campaign"),
    ("tag", "tag"),
    ("created", "created"),
    ("imported", "imported"),
    ("changed", "changed"),
];
const USUAL: [&str; 6] = ["path", "format", "dimensions", "rating", "persona", "tag"];

fn columns(names: &[String]) -> Result<Vec<Column>, Failure> {
    let known = |name: &str| COLUMNS.into_iter().find(|(heading, _)| *heading == name);
    let unknown = |name: &str| {
        let known = COLUMNS.into_iter().map(|(heading, _)| heading.to_owned());
        Failure::from(crate::ops::value::unknown("column", name, known))
    };
    names.iter().map(|name| known(name).ok_or_else(|| unknown(name))).collect()
}

/// Prints assets as they come.
struct Printer {
    how: How,
    columns: Vec<Column>,
    state: Mutex<Printed>,
}

#[derive(Default)]
struct Printed {
    count: usize,
    table: Option<Table>,
}

impl Listener for Printer {
    fn part(&self, part: Value) -> Result<(), OpsError> {
        let assets = part["assets"].as_array().map_or(&[][..], Vec::as_slice);
        self.print(assets).map_err(|e| OpsError::Failed { message: e.message, hint: e.hint })
    }
}

impl Printer {
    fn print(&self, assets: &[Value]) -> Result<(), Failure> {
        let mut printed = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let first = printed.count == 0;
        printed.count += assets.len();
        match self.how {
            How::Lines => {
                let lines: String = assets.iter().filter_map(line).map(|p| format!("{p}\n")).collect();
                print::out(lines.as_bytes())
            }
            How::Raw => {
                let paths = assets.iter().filter_map(raw).flat_map(|path| path.into_iter().chain([0]));
                print::out(&paths.collect::<Vec<u8>>())
            }
            How::Json => {
                let mut text = String::new();
                for (n, asset) in assets.iter().enumerate() {
                    text.push_str(if first && n == 0 { "{\"assets\": [\n" } else { ",\n" });
                    text.push_str(&asset.to_string());
                }
                print::out(text.as_bytes())
            }
            How::Table => {
                let columns = self.shown();
                let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
                let table = printed.table.get_or_insert_with(|| print::table(&headings));
                for asset in assets {
                    table.add_row(columns.iter().map(|(_, field)| cell(asset, field)));
                }
                Ok(())
            }
        }
    }

    fn shown(&self) -> Vec<Column> {
        let usual = || COLUMNS.into_iter().filter(|(heading, _)| USUAL.contains(heading)).collect();
        if self.columns.is_empty() { usual() } else { self.columns.clone() }
    }

    fn end(self) -> Result<(), Failure> {
        let printed = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (self.how, printed.table) {
            (How::Json, _) if printed.count == 0 => print::line("{\"assets\": []}"),
            (How::Json, _) => print::line("\n]}"),
            (How::Table, Some(table)) => print::line(&table.to_string()),
            (How::Table, None) => {
                print::note("nothing found");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn cell(asset: &Value, field: &str) -> String {
    match field {
        "path" if asset["path"].is_null() => format!("(trash) {}", print::word(&asset["view_name"])),
        "dimensions" => print::dimensions(asset),
        "size" => asset["size"].as_u64().map(print::bytes).unwrap_or_default(),
        field => print::word(&asset[field]),
    }
}

/// One line for a program: the path, or the id where the path is no line of text, or there is none. Every command takes both.
fn line(asset: &Value) -> Option<&str> {
    let path = asset["path"].as_str().filter(|path| asset["path_bytes"].is_null() && !path.contains(char::is_control));
    path.or_else(|| asset["id"].as_str())
}

/// The path's very bytes; the id of what has none.
fn raw(asset: &Value) -> Option<Vec<u8>> {
    match asset["path_bytes"].as_str() {
        None => asset["path"].as_str().or_else(|| asset["id"].as_str()).map(|path| path.as_bytes().to_vec()),
        Some(hex) => folders::unhex(hex),
    }
}
