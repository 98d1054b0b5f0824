//! The temporary folders of demos, and their files.

use std::path::Path;

use iot_local_base::{env_file, files};
use iot_local_inspect::deployment::{self, DeploymentError};
use tempfile::TempDir;

use super::{CONFIG, DemoArgs, DemoError, example};
use crate::launch::LaunchSettings;
use crate::serve::ServeError;

/// Copies a configuration to a temporary folder, so that a gateway that runs next to it is not disturbed. Errors of the
/// configuration name its own files.
pub(crate) fn temporary_copy(config: &Path, launch: &LaunchSettings) -> Result<TempDir, DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| DemoError::Copy { path, error }
    };
    let env = env_file::extended(&launch.env, None).map_err(ServeError::from)?;
    let original = std::path::absolute(config).map_err(failed(config))?;
    if original.exists() {
        deployment::load(&original, &env).map_err(|errors| DeploymentError::new(config, errors))?;
    }
    let folder = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
    std::fs::copy(&original, folder.path().join(CONFIG)).map_err(failed(config))?;
    for part in ["policies", "keys"] {
        let from = original.with_file_name(part);
        files::mirror(&from, &folder.path().join(part), &[])
            .map_err(|(path, error)| DemoError::Copy { path, error })?;
    }
    Ok(folder)
}

/// A folder with the shipped configuration, if no configuration is named and none is here.
pub(super) fn shipped_folder(args: &DemoArgs) -> Result<Option<TempDir>, DemoError> {
    if args.config.is_some() || args.own_config().exists() {
        return Ok(None);
    }
    let failed = |error| DemoError::Copy { path: std::env::temp_dir(), error };
    let folder = tempfile::tempdir().map_err(failed)?;
    write_all(folder.path(), &example::SHIPPED.map(|(name, text)| (name, text.to_owned())))?;
    Ok(Some(folder))
}

/// Writes files next to the configuration.
pub(super) fn write_all(folder: &Path, files: &[(&str, String)]) -> Result<(), DemoError> {
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| DemoError::Copy { path, error })?;
    }
    Ok(())
}
