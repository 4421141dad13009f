// Answers each line of its input. Put library.c, phonemes.c and phonemes.h next to it, and build: go build -o answer .
package main

// #cgo CFLAGS: -std=c99 -O3
// #cgo LDFLAGS: -lm
// #include <stdlib.h>
// int library_open(const char *path);
// int library_longest(void);
// int library_answer(const char *text, char *answer, int capacity);
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"unsafe"
)

func main() {
	path := C.CString("phonemes.bin")
	defer C.free(unsafe.Pointer(path))
	if C.library_open(path) != 0 {
		panic("phonemes.bin cannot be read, or belongs to another phonemes.c")
	}
	answer := make([]C.char, C.library_longest())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		text := C.CString(lines.Text())
		status := C.library_answer(text, &answer[0], C.int(len(answer)))
		C.free(unsafe.Pointer(text))
		if status < 0 {
			fmt.Println("error", status)
		} else {
			fmt.Println(C.GoString(&answer[0]))
		}
	}
}
