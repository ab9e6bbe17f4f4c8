//! One per dynamic library: a file that is loaded twice has one static, and two copies of the file have two.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use libloading::Library;

fn count(library: &Library) -> Result<u32, Box<dyn Error>> {
    // SAFETY: `count` in counter.rs has this type.
    let count = unsafe { library.get::<extern "C" fn() -> u32>("count") }?;
    Ok(count())
}

fn load(file: &Path) -> Result<Library, Box<dyn Error>> {
    // SAFETY: counter.rs runs no code when it is loaded or unloaded.
    Ok(unsafe { Library::new(file) }?)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo puts the library beside this program.
    let file = env::current_exe()?.with_file_name(format!("{DLL_PREFIX}counter{DLL_SUFFIX}"));
    let copy = file.with_file_name(format!("{DLL_PREFIX}counter-copy{DLL_SUFFIX}"));
    fs::copy(&file, &copy)?;
    let [first, again, other] = [load(&file)?, load(&file)?, load(&copy)?];
    println!("the library counts        {}", count(&first)?);
    println!("loaded again, it counts   {}", count(&again)?);
    println!("a copy of its file counts {}", count(&other)?);
    Ok(())
}
