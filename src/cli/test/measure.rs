//! What is measured beside the tests: coverage and its profile, profiles of the run.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::find::{self, Package};
use crate::base::span::SourceMap;
use crate::cover::{Mode, Table};

/// `-cover` and its relatives.
#[derive(Debug, Default)]
pub struct Cover {
    pub on: bool,
    pub mode: Option<Mode>,
    /// `-coverpkg`: packages as the command line names them.
    pub packages: Vec<String>,
    /// `-coverprofile`, from the working directory.
    pub profile: String,
}

/// Takes a flag's value; whether it is one of ours.
pub fn flag(c: &mut Cover, name: &str, value: &str) -> Result<bool, String> {
    match name {
        "covermode" => {
            let mode = Mode::parse(value);
            if mode.is_none() && !value.is_empty() {
                return Err(format!(
                    "invalid value {value:?} for flag -covermode: valid modes are \"set\", \
                     \"count\", or \"atomic\""
                ));
            }
            c.mode = mode;
        }
        "coverpkg" => {
            let names = value.split(',').filter(|n| !n.is_empty());
            c.packages = names.map(String::from).collect();
        }
        "coverprofile" => c.profile = value.to_string(),
        _ => return Ok(false),
    }
    c.on = true;
    Ok(true)
}

impl Cover {
    /// The mode of the run.
    pub fn settle(&mut self, race: bool) -> Result<(), String> {
        if self.on && race {
            match self.mode {
                None => self.mode = Some(Mode::Atomic),
                Some(Mode::Atomic) => {}
                Some(m) => {
                    return Err(format!(
                        "-covermode must be \"atomic\", not {:?}, when -race is enabled",
                        m.name()
                    ));
                }
            }
        }
        Ok(())
    }

    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::Set)
    }

    /// Whether a package's statements are counted.
    pub fn covers(&self, p: &Package) -> bool {
        self.on && (self.packages.is_empty() || self.packages.iter().any(|n| names(n, p)))
    }

    /// Refuses packages that are not tested: only those have counters.
    pub fn check(&self, all: &[Package]) -> Result<(), String> {
        match self
            .packages
            .iter()
            .find(|n| !all.iter().any(|p| names(n, p)))
        {
            Some(n) => Err(format!(
                "-coverpkg: only packages under test are measured, and {n} is none of them"
            )),
            None => Ok(()),
        }
    }

    /// The value of the test program's flag: what "coverage: ..." names.
    pub fn shown(&self) -> String {
        if self.packages.is_empty() {
            "on".into()
        } else {
            self.packages.join(", ")
        }
    }

    /// Where the profile goes.
    pub fn file(&self, outputdir: Option<&str>) -> Option<String> {
        (!self.profile.is_empty()).then(|| absolute(&self.profile, outputdir))
    }

    /// Begins the profile that all packages' programs add to.
    pub fn begin(&self, outputdir: Option<&str>) -> Result<(), String> {
        let Some(path) = self.file(outputdir) else {
            return Ok(());
        };
        File::create(&path)
            .and_then(|mut f| writeln!(f, "mode: {}", self.mode().name()))
            .map_err(|e| {
                let text = e.to_string();
                let text = text.split(" (os error").next().unwrap_or("");
                format!("open {path}: {}", text.to_lowercase())
            })
    }

    /// What there is to say of a package without tests; the blocks go to the profile.
    pub fn untested(&self, p: &Package, outputdir: Option<&str>) -> Option<String> {
        if !self.covers(p) {
            return None;
        }
        let mut sources = SourceMap::new();
        let mut ast = crate::syntax::ast::Ast::default();
        for f in &p.files {
            let text = crate::load::read_source(&f.full).ok()?;
            let id = sources.add(f.shown.clone(), &f.full, text).ok()?;
            let found = crate::syntax::parse::parse_file(
                &mut ast,
                &sources,
                id,
                &crate::syntax::parse::ParseOptions::default(),
            );
            if !found.is_empty() {
                return None;
            }
        }
        let (mut files, mut blocks) = (Vec::new(), Vec::new());
        let name = |f: &crate::base::span::SourceFile| Some(in_profile(&p.path, &f.path));
        crate::cover::instrument(&mut ast, &sources, &name, &mut files, &mut blocks);
        let table = Table::new(self.mode(), files, blocks);
        if table.statements().1 == 0 {
            return None;
        }
        if let Some(path) = self.file(outputdir)
            && let Ok(mut f) = File::options().append(true).open(path)
        {
            // What cannot be written is missing there.
            let _ = table.profile(&mut f);
        }
        Some(format!("\t{}\t\tcoverage: 0.0% of statements\n", p.path))
    }
}

/// A file's name in profiles: below the import path, or where it is if there is none.
pub fn in_profile(package: &str, path: &Path) -> String {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    if package == "command-line-arguments" {
        path.display().to_string()
    } else {
        format!("{package}/{name}")
    }
}

/// Whether a pattern of the command line names a package.
fn names(pattern: &str, p: &Package) -> bool {
    if let Some(root) = pattern.strip_suffix("...") {
        let root = root.trim_end_matches('/');
        return match find::place(root) {
            Some(dir) => p.dir.starts_with(dir),
            None => root.is_empty() || p.path == root || p.path.starts_with(&format!("{root}/")),
        };
    }
    p.path == pattern || find::place(pattern).is_some_and(|dir| dir == p.dir)
}

/// A path below the output directory, or the working directory.
pub fn absolute(path: &str, outputdir: Option<&str>) -> String {
    let path = match outputdir {
        Some(dir) if !path.starts_with('/') => Path::new(dir).join(path),
        _ => path.into(),
    };
    std::path::absolute(&path)
        .unwrap_or(path)
        .display()
        .to_string()
}
