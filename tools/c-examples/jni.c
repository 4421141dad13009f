/* library.c for Java and Kotlin. Texts are UTF-8 with a zero at the end, because JNI's own strings are not UTF-8. */
#include <jni.h>

int library_open(const char *path);
int library_longest(void);
int library_answer(const char *text, char *answer, int capacity);

JNIEXPORT jint JNICALL Java_Phonemes_open(JNIEnv *env, jclass type, jbyteArray path) {
  jbyte *bytes = (*env)->GetByteArrayElements(env, path, NULL);
  jint status = library_open((const char *)bytes);
  (*env)->ReleaseByteArrayElements(env, path, bytes, JNI_ABORT);
  (void)type;
  return status;
}

JNIEXPORT jint JNICALL Java_Phonemes_longest(JNIEnv *env, jclass type) {
  (void)env, (void)type;
  return library_longest();
}

/* Writes the answer. @returns how many bytes it has, or a negative code */
JNIEXPORT jint JNICALL Java_Phonemes_answer(JNIEnv *env, jclass type, jbyteArray text, jbyteArray answer) {
  jbyte *from = (*env)->GetByteArrayElements(env, text, NULL), *to = (*env)->GetByteArrayElements(env, answer, NULL);
  jint status = library_answer((const char *)from, (char *)to, (*env)->GetArrayLength(env, answer));
  (*env)->ReleaseByteArrayElements(env, text, from, JNI_ABORT);
  (*env)->ReleaseByteArrayElements(env, answer, to, 0);
  (void)type;
  return status;
}
