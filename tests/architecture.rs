//! The architecture: which crate may import which, and that files do not import each other in
//! cycles. ARCHITECTURE.md describes the same dependencies in words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Item, UseTree};

/// Every crate with exactly the workspace crates that it imports.
const ARROWS: [(&str, &[&str]); 16] = [
    ("barrier", &["bug", "dedup", "sql", "store", "tables", "text"]),
    ("bug", &[]),
    ("dedup", &["bug", "store", "text"]),
    ("encoder", &["tokenizer"]),
    ("fixtures", &[]),
    ("model", &["bug"]),
    (
        "pipeline",
        &[
            "barrier",
            "bug",
            "encoder",
            "model",
            "read",
            "report",
            "shards",
            "sql",
            "store",
            "tables",
            "text",
            "tokenizer",
            "training",
        ],
    ),
    ("read", &["bug", "text"]),
    ("report", &["bug", "shards", "sql", "store", "tables", "text"]),
    ("shards", &["bug", "store"]),
    ("sql", &["bug", "encoder", "text"]),
    ("store", &[]),
    ("tables", &["bug", "store"]),
    ("text", &[]),
    ("tokenizer", &[]),
    ("training", &["bug", "encoder", "model", "shards", "store", "tables"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn imports(manifest: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let dependencies = table["dependencies"].as_table().unwrap();
    let is_room = |name: &&String| ARROWS.iter().any(|(room, _)| room == name);
    dependencies.keys().filter(is_room).cloned().collect()
}

#[test]
fn arrows_are_those_of_the_plan() {
    for (room, allowed) in ARROWS {
        let found = imports(&root().join(room).join("Cargo.toml"));
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(found, allowed, "what {room} imports");
    }
}

#[test]
fn every_room_is_in_the_plan() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let members = table["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(members, ARROWS.iter().map(|(room, _)| *room).collect());
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for room in members {
        assert!(map.contains(&format!("### [`{room}/`]({room}/)")), "{room} has no section");
    }
}

#[test]
fn no_files_import_each_other_in_circles() {
    let mut sources: Vec<PathBuf> =
        ARROWS.iter().map(|(room, _)| root().join(room).join("src")).collect();
    sources.push(root().join("cli"));
    for source in sources {
        let krate = Crate::read(&source);
        if let Some(circle) = krate.circle() {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            panic!("{} has a circle of imports: {}", source.display(), names.join(" → "));
        }
    }
}

/// A module's path below the crate's root; each file is one module.
type Module = Vec<String>;

/// The files of a crate and what each imports.
///
/// An import counts for the file that defines the name: paths are followed through re-exports. What
/// a folder's `mod.rs` takes from the files of its own folder does not count, since the folder is
/// made of them; neither does what the crate's root takes.
struct Crate {
    imports: BTreeMap<Module, BTreeSet<Module>>,
}

/// The imports of one file.
#[derive(Default)]
struct FileUses {
    module: Module,
    /// Names that `use` brings in or exports, and the full path of each.
    names: BTreeMap<String, Module>,
    /// All paths that begin with `crate`, `self` or `super`, absolute.
    paths: Vec<Module>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(source, &mut Vec::new(), &mut files);
        let known = |path: &[String]| -> Module {
            let longest = (0..=path.len()).rev().find(|n| files.contains_key(&path[..*n]));
            path[..longest.unwrap_or(0)].to_vec()
        };
        let mut imports = BTreeMap::new();
        for (module, uses) in &files {
            let mut found = BTreeSet::new();
            for path in uses.names.values().chain(&uses.paths) {
                let target = define(&files, &known, path, 0);
                let own = target.starts_with(module);
                if target != *module && !own {
                    found.insert(target);
                }
            }
            imports.insert(module.clone(), found);
        }
        imports.remove(&Vec::new());
        Self { imports }
    }

    /// A cycle, if there is one.
    fn circle(&self) -> Option<Vec<Module>> {
        let mut done = BTreeSet::new();
        let mut path = Vec::new();
        self.imports.keys().find_map(|module| self.visit(module, &mut done, &mut path))
    }

    fn visit(
        &self,
        module: &Module,
        done: &mut BTreeSet<Module>,
        path: &mut Vec<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(start) = path.iter().position(|earlier| earlier == module) {
            return Some(path[start..].to_vec());
        }
        if !done.contains(module) {
            path.push(module.clone());
            for next in self.imports.get(module).into_iter().flatten() {
                if let Some(circle) = self.visit(next, done, path) {
                    return Some(circle);
                }
            }
            path.pop();
            done.insert(module.clone());
        }
        None
    }
}

/// The module that defines what `path` names, through re-exports.
fn define(
    files: &BTreeMap<Module, FileUses>,
    known: &dyn Fn(&[String]) -> Module,
    path: &[String],
    depth: usize,
) -> Module {
    let module = known(path);
    let exported = path.get(module.len()).and_then(|name| files[&module].names.get(name));
    match exported {
        Some(full) if depth < 8 => {
            let full: Module = full.iter().chain(&path[module.len() + 1..]).cloned().collect();
            define(files, known, &full, depth + 1)
        }
        _ => module,
    }
}

/// Reads all files below `folder` except tests.
fn collect(folder: &Path, module: &mut Module, files: &mut BTreeMap<Module, FileUses>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut name = module.clone();
            if !["mod", "lib", "main"].contains(&stem.as_str()) {
                name.push(stem);
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap();
            let mut uses = FileUses { module: name.clone(), ..FileUses::default() };
            uses.visit_file(&file);
            files.insert(name, uses);
        }
    }
}

impl FileUses {
    /// The absolute form of a path; `None` for one that leaves the crate.
    fn absolute(&self, path: &[String], is_use: bool) -> Option<Module> {
        let mut base = self.module.clone();
        let mut rest = path;
        match rest.first().map(String::as_str)? {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
                base.extend(rest.iter().cloned());
                return Some(base);
            }
            // A `use` can begin with a module of the file itself; other crates resolve to nothing.
            _ if is_use => {
                base.extend(rest.iter().cloned());
                return Some(base);
            }
            _ => return None,
        }
        base.extend(rest[1..].iter().cloned());
        Some(base)
    }

    fn add_use(&mut self, prefix: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(prefix, &path.tree);
                prefix.pop();
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.add_name(prefix, &name, &name);
            }
            UseTree::Rename(rename) => {
                self.add_name(prefix, &rename.ident.to_string(), &rename.rename.to_string());
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_use(prefix, tree));
            }
            UseTree::Glob(_) => self.paths.extend(self.absolute(prefix, true)),
        }
    }

    fn add_name(&mut self, prefix: &[String], name: &str, known_as: &str) {
        let mut path = prefix.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        if let Some(path) = self.absolute(&path, true) {
            self.names.insert(known_as.to_owned(), path);
        }
    }
}

impl<'ast> Visit<'ast> for FileUses {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            // Tests may import whatever they test.
            Item::Mod(module) if module.ident == "tests" => {}
            Item::Use(tree) => self.add_use(&mut Vec::new(), &tree.tree),
            _ => syn::visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.paths.extend(self.absolute(&segments, false));
        syn::visit::visit_path(self, path);
    }
}

/// Dependencies that are declared only to enable features.
const FOR_FEATURES: [(&str, &str); 1] = [("model", "gemm")];

/// A dependency that nothing imports slows every build and misleads readers.
#[test]
fn every_dependency_is_used() {
    let mut crates: Vec<(PathBuf, PathBuf)> = ARROWS
        .iter()
        .map(|(room, _)| (root().join(room).join("Cargo.toml"), root().join(room)))
        .collect();
    crates.push((root().join("Cargo.toml"), root().join("cli")));
    for (manifest, sources) in crates {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let mut sources = all_sources(&sources);
        if manifest == root().join("Cargo.toml") {
            sources.push_str(&all_sources(&root().join("tests")));
        }
        for section in ["dependencies", "dev-dependencies"] {
            for name in table.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                let room = manifest.parent().and_then(Path::file_name).unwrap().to_string_lossy();
                if FOR_FEATURES.contains(&(&*room, name.0.as_str())) {
                    continue;
                }
                let name = name.0.replace('-', "_");
                let used = sources.contains(&format!("{name}::"))
                    || sources.contains(&format!("use {name};"));
                assert!(used, "{}: {name} is not used", manifest.display());
            }
        }
    }
}

/// The text of all Rust files below a folder.
fn all_sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&all_sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}
