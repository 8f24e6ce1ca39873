// Frames of RocketMQ's remoting protocol, made and taken apart.
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEND_BATCH = 320, SEND = 310, PULL = 11, MAX_OFFSET = 30 };
enum { SUCCESS = 0, SYSTEM_BUSY = 2, NOT_FOUND = 19, RETRY = 20 };

static int binary;  // how headers are written: RocketMQ's own form, or JSON

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void fail(const char *what, long number, const char *text) {
  fprintf(stderr, "%s: %ld %.300s\n", what, number, text);
  exit(1);
}

static void *grab(size_t bytes) {
  void *found = calloc(1, bytes);
  if (!found) die("no memory");
  return found;
}

// Numbers

static uint8_t *put32(uint8_t *at, uint32_t value) {
  value = htobe32(value);
  memcpy(at, &value, 4);
  return at + 4;
}

static uint32_t get32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return be32toh(value);
}

static int64_t get64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return (int64_t)be64toh(value);
}

static uint32_t crc32(const uint8_t *at, size_t bytes) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t c = i;
      for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
      table[i] = c;
    }
  uint32_t c = ~0u;
  while (bytes--) c = table[(c ^ *at++) & 255] ^ c >> 8;
  return ~c;
}

static void put_digits(uint8_t *at, int width, uint32_t value) {
  while (width--) at[width] = '0' + value % 10, value /= 10;
}

static void put_hex(uint8_t *at, int width, uint64_t value) {
  while (width--) at[width] = "0123456789ABCDEF"[value & 15], value >>= 4;
}

// Requests. Fields are given as name, value, ..., NULL; a \1 or \2 in them is escaped in JSON.

static size_t json_text(char *at, const char *text) {
  char *end = at;
  for (; *text; text++)
    if (*text < 32) end += sprintf(end, "\\u%04x", *text);
    else *end++ = *text;
  *end = 0;
  return end - at;
}

static size_t json_header(char *at, int code, uint32_t opaque, const char *const *fields) {
  char *end = at;
  end += sprintf(end, "{\"code\":%d,\"extFields\":{", code);
  for (int i = 0; fields[i]; i += 2) {
    end += sprintf(end, "%s\"%s\":\"", i ? "," : "", fields[i]);
    end += json_text(end, fields[i + 1]);
    *end++ = '"';
  }
  end += sprintf(end,
                 "},\"flag\":0,\"language\":\"JAVA\",\"opaque\":%u,"
                 "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":475}",
                 opaque);
  return end - at;
}

static size_t binary_header(uint8_t *at, int code, uint32_t opaque, const char *const *fields) {
  uint8_t *end = at;
  *end++ = code >> 8, *end++ = code;  // the code, Java, the version
  *end++ = 0, *end++ = 475 >> 8, *end++ = 475 & 255;
  end = put32(end, opaque);
  end = put32(end, 0);  // a request
  end = put32(end, 0);  // no remark
  uint8_t *length = end;
  end += 4;
  for (int i = 0; fields[i]; i += 2) {
    size_t name = strlen(fields[i]), value = strlen(fields[i + 1]);
    *end++ = name >> 8, *end++ = name;
    memcpy(end, fields[i], name), end += name;
    end = put32(end, value);
    memcpy(end, fields[i + 1], value), end += value;
  }
  put32(length, end - length - 4);
  return end - at;
}

// A whole frame but for the body, whose size is known.
static size_t frame_head(uint8_t *at, int code, uint32_t opaque, const char *const *fields,
                         size_t body) {
  size_t header = binary ? binary_header(at + 8, code, opaque, fields)
                         : json_header((char *)at + 8, code, opaque, fields);
  put32(at, 4 + header + body);
  put32(at + 4, header | (binary ? 1u << 24 : 0));
  return 8 + header;
}

// Answers

typedef struct {
  int code;
  uint32_t opaque;
  const uint8_t *header, *body;
  size_t header_bytes, body_bytes;
} Answer;

static long json_number(const uint8_t *header, size_t bytes, const char *name) {
  const uint8_t *found = memmem(header, bytes, name, strlen(name));
  if (!found) fail("an answer without", bytes, name);
  found += strlen(name);
  while (*found == ' ' || *found == '"' || *found == ':') found++;
  return strtol((const char *)found, NULL, 10);
}

// The first digits after a field's name serve for JSON and for the binary form (whose length is of
// four bytes, none of them a digit as long as values are short).
static long answer_field(const Answer *answer, const char *name) {
  const uint8_t *found = memmem(answer->header, answer->header_bytes, name, strlen(name));
  if (!found) fail("an answer without", answer->code, name);
  found += strlen(name);
  while (*found < '0' || *found > '9') found++;
  return strtol((const char *)found, NULL, 10);
}

// Take the frame at `at`; how many bytes it has, or 0 when it is not whole.
static size_t take(const uint8_t *at, size_t have, Answer *answer) {
  if (have < 8) return 0;
  size_t length = get32(at) + 4, header = get32(at + 4) & 0xffffff;
  if (length > 1 << 28 || header + 8 > length) fail("not a frame", length, "");
  if (have < length) return 0;
  answer->header = at + 8, answer->header_bytes = header;
  answer->body = at + 8 + header, answer->body_bytes = length - header - 8;
  if (at[4]) {
    answer->code = at[8] << 8 | at[9];
    answer->opaque = get32(at + 13);
  } else {
    answer->code = json_number(at + 8, header, "\"code\"");
    answer->opaque = json_number(at + 8, header, "\"opaque\"");
  }
  return length;
}
