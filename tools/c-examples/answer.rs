//! Answers each line of its input. Build: cc -O3 -c library.c phonemes.c && ar rcs libphonemes.a library.o phonemes.o
//! && rustc -O answer.rs -L . -l static=phonemes -l m
use std::ffi::{CStr, CString};
use std::io::stdin;
use std::os::raw::{c_char, c_int};

extern "C" {
    fn library_open(path: *const c_char) -> c_int;
    fn library_longest() -> c_int;
    fn library_answer(text: *const c_char, answer: *mut c_char, capacity: c_int) -> c_int;
}

fn main() {
    let path = CString::new("phonemes.bin").unwrap();
    // The path ends with a zero.
    assert_eq!(unsafe { library_open(path.as_ptr()) }, 0, "phonemes.bin cannot be read, or belongs to another phonemes.c");
    let mut answer: Vec<c_char> = vec![0; unsafe { library_longest() } as usize];
    for line in stdin().lines() {
        let text = CString::new(line.unwrap()).expect("text without zeros");
        // The text ends with a zero, and no more than `answer.len()` bytes are written.
        let status = unsafe { library_answer(text.as_ptr(), answer.as_mut_ptr(), answer.len() as c_int) };
        if status < 0 {
            println!("error {status}");
        } else {
            println!("{}", unsafe { CStr::from_ptr(answer.as_ptr()) }.to_str().unwrap());
        }
    }
}
