// RocketMQ load over the remoting protocol: senders and readers in one thread, requests made from
// a template with holes for what changes. Every answer is checked. Prints one JSON line.
//   -p port          -B process id of the broker: its processor time and memory
//   -m send          each connection has -w requests under way; -n messages in each (a batch)
//   -m pull          reads the topics from the oldest to the newest message, again and again, and
//                    checks that offsets are dense and in order; -w is not used: one request of
//                    every queue is under way, as consumers do it
//   -m delay         sends with delay level -d, waits until all of it can be read
//   -m serve         a broker that takes everything and keeps nothing: what the generator can do
//   -c connections   -T topics  -Q queues of each  -s bytes of a body  -t seconds
//   -x name          what topics are called: name-0000 and so on
//   -k messages      sent to each topic before it counts, if it does not have them yet
//   -r messages      that each connection sends a second, as far as -w lets it: not as many as it can
//   -b               headers in RocketMQ's binary form instead of JSON
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../usage.h"
#include "remoting.h"

enum { STUCK_SECONDS = 60, LATENCIES_MAX = 1 << 20, PULLED_AT_ONCE = 32, QUEUES_MAX = 10 };
enum { FIRST_OPAQUE = 1000000000, HEAD_MAX = 2048, AHEAD = 16, MAGIC = -626843481 };
static const size_t IN_BYTES = 1 << 20;

typedef struct {
  int fd;
  uint32_t number;
  uint8_t *in, *out;
  size_t have, in_size, out_begin, out_end, out_size;
  int waits;            // for the socket to take more
  uint32_t sent, done;  // requests
  uint64_t *sent_at;    // of those under way; 0 of others
} Client;

// A queue that is read: by which connection, and where it is.
typedef struct {
  Client *client;
  uint32_t topic, number;
  int64_t next, end;
} Queue;

static int port, broker, delay_level, connections = 1, refused;
static uint32_t size = 1024, window = 1, together = 1, topics = 1, queues = 8, fill;
static double seconds = 1, rate;
static uint64_t begun;
static const char *mode = "send", *prefix = "bench";
static Client *clients;
static Queue *readers;
static uint64_t pulled, empty_pulls;
static uint32_t *latencies;
static uint64_t latency_count, turn;
static int working = 1;

static void topic_name(char *at, uint32_t topic) { sprintf(at, "%s-%04u", prefix, topic); }

static uint8_t *find(uint8_t *in, size_t bytes, const char *what) {
  uint8_t *found = memmem(in, bytes, what, strlen(what));
  if (!found) fail("the template has no hole", 0, what);
  return found;
}

// What is sent: made once, the holes written anew each time.
static struct {
  uint8_t *bytes;
  size_t length, opaque, topic, queue, id;
} template;

#define UNIQUE "C0A8000100000000000000000000ABCD"

static size_t make_batch(uint8_t *at, const char *properties) {
  uint8_t *end = at;
  size_t words = strlen(properties);
  for (uint32_t i = 0; i < together; i++) {
    uint8_t *begin = end;
    end = put32(end + 4, MAGIC);
    uint8_t *sum = end;
    end = put32(end + 4, 0);
    end = put32(end, size);
    memset(end, 'x', size);
    put32(sum, crc32(end, size));
    end += size;
    *end++ = words >> 8, *end++ = words;
    memcpy(end, properties, words), end += words;
    put32(begin, end - begin);
  }
  return end - at;
}

static void make_template(void) {
  char topic[64], level[64] = "", words[256], born[32], count[32];
  topic_name(topic, 0);
  if (delay_level) sprintf(level, "DELAY\1%d\2", delay_level);
  sprintf(words, "%sTAGS\1a\2UNIQ_KEY\1%s\2WAIT\1true\2", level, UNIQUE);
  sprintf(born, "%ld000", (long)time(NULL));
  sprintf(count, "%u", queues);
  const char *fields[] = {"a", "bench-senders", "b", topic, "c", "TBW102", "d", count,
                          "e", "0",             "f", "0",   "g", born,     "h", "0",
                          "i", words,           "j", "0",   "k", "false",  "m", together > 1 ? "true" : "false",
                          "n", "bench",         NULL};
  template.bytes = grab(HEAD_MAX + (size_t)together * (size + 512));
  uint8_t *body = grab((size_t)together * (size + 512));
  size_t length = size;
  if (together > 1) length = make_batch(body, words);
  else memset(body, 'x', size);
  int code = together > 1 ? SEND_BATCH : SEND;
  size_t head = frame_head(template.bytes, code, FIRST_OPAQUE, fields, length);
  memcpy(template.bytes + head, body, length);
  free(body);
  template.length = head + length;
  template.opaque = 13;
  if (!binary) template.opaque = find(template.bytes, head, "\"opaque\":") - template.bytes + 9;
  template.topic = find(template.bytes, head, topic) - template.bytes + strlen(topic) - 4;
  template.id = find(template.bytes, head, UNIQUE) - template.bytes;
  if (!binary) template.queue = find(template.bytes, head, "\"e\":\"") - template.bytes + 5;
  else {
    // Its name, e, after the length of names, then the length of the value.
    static const uint8_t before[] = {0, 1, 'e', 0, 0, 0, 1};
    uint8_t *found = memmem(template.bytes, head, before, sizeof before);
    template.queue = found - template.bytes + sizeof before;
  }
}

// Connections

static void write_all(int fd, const uint8_t *data, size_t bytes) {
  while (bytes) {
    ssize_t gone = write(fd, data, bytes);
    if (gone <= 0) die("the broker hung up");
    data += gone, bytes -= gone;
  }
}

static void read_all(int fd, uint8_t *data, size_t bytes) {
  while (bytes) {
    ssize_t came = read(fd, data, bytes);
    if (came <= 0) die("the broker hung up");
    data += came, bytes -= came;
  }
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

// One request, its answer: for what is done before it counts.
static int ask(int fd, int code, const char *const *fields, uint8_t *in, Answer *answer) {
  uint8_t head[HEAD_MAX];
  write_all(fd, head, frame_head(head, code, FIRST_OPAQUE, fields, 0));
  read_all(fd, in, 4);
  size_t length = get32(in);
  if (length > IN_BYTES - 4) fail("a long answer", length, "");
  read_all(fd, in + 4, length);
  in[length + 4] = 0;
  take(in, length + 4, answer);
  return answer->code;
}

static int64_t end_of(int fd, uint32_t topic, uint32_t queue) {
  static uint8_t in[1 << 20];
  char name[64], number[16];
  Answer answer;
  topic_name(name, topic), sprintf(number, "%u", queue);
  const char *fields[] = {"topic", name, "queueId", number, "committed", "false", NULL};
  if (ask(fd, MAX_OFFSET, fields, in, &answer)) return 0;  // there is no such topic
  return answer_field(&answer, "offset");
}

// Sending

static void flush(Client *client) {
  while (client->out_begin < client->out_end) {
    ssize_t gone = write(client->fd, client->out + client->out_begin,
                         client->out_end - client->out_begin);
    if (gone < 0 && errno == EAGAIN) return;
    if (gone <= 0) die("the broker hung up");
    client->out_begin += gone;
  }
  client->out_begin = client->out_end = 0;
}

static uint8_t *room(Client *client, size_t bytes) {
  if (client->out_end + bytes > client->out_size) {
    client->out_size = 2 * (client->out_end + bytes);
    client->out = realloc(client->out, client->out_size);
    if (!client->out) die("no memory");
  }
  uint8_t *at = client->out + client->out_end;
  client->out_end += bytes;
  return at;
}

static void put_opaque(uint8_t *frame, uint32_t opaque) {
  if (binary) put32(frame + template.opaque, opaque);
  else put_digits(frame + template.opaque, 10, opaque);
}

static uint8_t *put_message(uint8_t *at, uint32_t opaque, uint64_t number) {
  memcpy(at, template.bytes, template.length);
  put_opaque(at, opaque);
  put_digits(at + template.topic, 4, number % topics);
  at[template.queue] = '0' + number / topics % queues;
  put_hex(at + template.id + 16, 16, number);
  return at + template.length;
}

static void send_more(Client *client) {
  uint64_t now = now_ns();
  while (working && client->sent - client->done < window) {
    uint64_t due = rate ? begun + client->sent / rate * 1e9 : now;
    if (due > now) break;
    uint64_t *sent_at = client->sent_at + client->sent % (AHEAD * window);
    if (*sent_at) break;  // answers may overtake each other, and this one is far behind
    *sent_at = due;  // who comes too late has waited, too
    put_message(room(client, template.length), FIRST_OPAQUE + client->sent++, turn++);
  }
  flush(client);
}

static void on_sent(Client *client, const Answer *answer) {
  uint32_t number = answer->opaque - FIRST_OPAQUE;
  uint64_t *sent_at = client->sent_at + number % (AHEAD * window);
  if (number >= client->sent || !*sent_at) fail("an answer to nothing", number, "");
  if (answer->code == SYSTEM_BUSY) refused++;
  else if (answer->code != SUCCESS) fail("refused", answer->code, (const char *)answer->header);
  if (latency_count < LATENCIES_MAX) latencies[latency_count++] = now_ns() - *sent_at;
  *sent_at = 0;
  client->done++;
}

// Reading

static void pull_more(Queue *queue) {
  uint8_t head[HEAD_MAX];
  char topic[64], number[16], offset[32], most[16];
  topic_name(topic, queue->topic);
  sprintf(number, "%u", queue->number), sprintf(offset, "%ld", (long)queue->next);
  sprintf(most, "%d", PULLED_AT_ONCE);
  const char *fields[] = {"consumerGroup", "bench-readers", "topic", topic, "queueId", number,
                          "queueOffset", offset, "maxMsgNums", most, "sysFlag", "4",
                          "commitOffset", "0", "suspendTimeoutMillis", "15000",
                          "subscription", "*", "subVersion", "1", "expressionType", "TAG",
                          "brokerName", "bench", NULL};
  size_t length = frame_head(head, PULL, FIRST_OPAQUE + (queue - readers), fields, 0);
  memcpy(room(queue->client, length), head, length);
  queue->client->sent++;
}

static void on_pulled(Client *client, const Answer *answer) {
  Queue *queue = readers + (answer->opaque - FIRST_OPAQUE);
  if (answer->opaque < FIRST_OPAQUE || answer->opaque - FIRST_OPAQUE >= topics * queues)
    fail("an answer to nothing", answer->opaque, "");
  client->done++;
  if (answer->code == NOT_FOUND || answer->code == RETRY) empty_pulls++;
  else if (answer->code != SUCCESS) fail("not pulled", answer->code, (const char *)answer->header);
  const uint8_t *at = answer->body, *end = at + answer->body_bytes;
  while (at < end) {
    uint32_t length = get32(at);
    if (length < 91 || at + length > end || (int32_t)get32(at + 4) != MAGIC ||
        get32(at + 12) != queue->number || get64(at + 20) != queue->next)
      fail("not the next message", (long)queue->next, "");
    if (get32(at + 84) != size || at[88] != 'x') fail("not the body", get32(at + 84), "");
    queue->next++, pulled++, at += length;
  }
  if (queue->next >= queue->end) queue->next = 0;
  if (working) pull_more(queue);
}

// The load

static void on_readable(Client *client, void (*on_answer)(Client *, const Answer *)) {
  ssize_t came = read(client->fd, client->in + client->have, client->in_size - client->have);
  if (came < 0 && errno == EAGAIN) return;
  if (came <= 0) die("the broker hung up");
  client->have += came;
  size_t at = 0, bytes;
  Answer answer;
  while ((bytes = take(client->in + at, client->have - at, &answer))) {
    on_answer(client, &answer);
    at += bytes;
  }
  memmove(client->in, client->in + at, client->have - at);
  client->have -= at;
  if (client->have == client->in_size) {
    client->in_size *= 2;
    client->in = realloc(client->in, client->in_size);
    if (!client->in) die("no memory");
  }
}

static uint64_t progress(void) {
  uint64_t all = pulled;
  for (int i = 0; i < connections; i++) all += clients[i].done;
  return all;
}

static int all_done(void) {
  for (int i = 0; i < connections; i++)
    if (clients[i].done != clients[i].sent) return 0;
  return 1;
}

static void watch(int epoll, Client *client, int how) {
  int waits = client->out_begin < client->out_end;
  if (how == EPOLL_CTL_MOD && waits == client->waits) return;
  client->waits = waits;
  struct epoll_event wanted = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = client};
  if (epoll_ctl(epoll, how, client->fd, &wanted)) die("epoll_ctl");
}

static void run(int sends) {
  struct epoll_event events[256];
  int epoll = epoll_create1(0);
  begun = now_ns();
  uint64_t ends = begun + seconds * 1e9, moved = begun, seen = 0;
  working = 1;
  for (int i = 0; i < connections; i++) watch(epoll, clients + i, EPOLL_CTL_ADD);
  for (uint32_t i = 0; !sends && i < topics * queues; i++) pull_more(readers + i);
  for (int i = 0; i < connections; i++) {
    if (sends) send_more(clients + i);
    flush(clients + i);
    watch(epoll, clients + i, EPOLL_CTL_MOD);
  }
  while (working || !all_done()) {
    int ready = epoll_wait(epoll, events, 256, rate && working ? 0 : 1000);
    for (int i = 0; rate && i < connections; i++) send_more(clients + i);
    for (int i = 0; i < ready; i++) {
      Client *client = events[i].data.ptr;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        on_readable(client, sends ? on_sent : on_pulled);
      if (sends && client->out_begin == client->out_end) send_more(client);
      flush(client);
      watch(epoll, client, EPOLL_CTL_MOD);
    }
    uint64_t now = now_ns(), all = progress();
    if (all != seen) seen = all, moved = now;
    if (now - moved > STUCK_SECONDS * 1000000000ull) fail("stuck, nothing comes after", seen, "");
    if (now >= ends) working = 0;
  }
  close(epoll);
}

static void come_in(void) {
  clients = grab(connections * sizeof *clients);
  for (int i = 0; i < connections; i++) {
    Client *client = clients + i;
    client->number = i, client->fd = dial();
    client->in_size = strcmp(mode, "pull") ? 1 << 16 : IN_BYTES;
    client->in = grab(client->in_size);
    client->sent_at = grab(AHEAD * window * sizeof *client->sent_at);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
  }
}

static int64_t all_there(int fd) {
  int64_t all = 0;
  for (uint32_t i = 0; i < topics * queues; i++) all += end_of(fd, i / queues, i % queues);
  return all;
}

// One answer to what `prepare` sent; who is busy is asked again.
static int is_taken(int fd, uint8_t *in) {
  Answer answer;
  read_all(fd, in, 4);
  size_t bytes = get32(in);
  if (bytes > IN_BYTES - 5) fail("a long answer", bytes, "");
  read_all(fd, in + 4, bytes);
  in[bytes + 4] = 0;
  take(in, bytes + 4, &answer);
  if (answer.code == SYSTEM_BUSY) usleep(10000);
  else if (answer.code) fail("not prepared", answer.code, (char *)answer.header);
  return !answer.code;
}

// Each topic gets its first message, and is there after it; then as many more as it shall have.
static void prepare(void) {
  int fd = dial();
  uint8_t *in = grab(IN_BYTES), *frame = grab(template.length);
  uint64_t each = fill ? (fill + together - 1) / together : 1, count = topics * each, taken = 0;
  if (fill && all_there(fd) >= (int64_t)count * together) taken = count;  // from the last time
  while (taken < count) {
    uint64_t here = taken < topics ? 1 : count - taken < 16 ? count - taken : 16;
    for (uint64_t i = 0; i < here; i++) {
      put_message(frame, FIRST_OPAQUE, taken + i);
      write_all(fd, frame, template.length);
    }
    for (uint64_t i = 0; i < here; i++) taken += is_taken(fd, in);
  }
  free(in), free(frame);
  close(fd);
}

static void prepare_readers(void) {
  int fd = dial();
  readers = grab(topics * queues * sizeof *readers);
  for (uint32_t i = 0; i < topics * queues; i++) {
    Queue *queue = readers + i;
    queue->client = clients + i % connections;
    queue->topic = i / queues, queue->number = i % queues;
    // A broker may answer that it has the newest a moment before it can be read.
    queue->end = end_of(fd, queue->topic, queue->number);
    if (!queue->end) fail("nothing in queue", i, "");
  }
  close(fd);
}

static int by_size(const void *a, const void *b) {
  uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
  return one < other ? -1 : one > other;
}

static void report(uint64_t messages, double took, double used, double own, long rss) {
  qsort(latencies, latency_count, sizeof *latencies, by_size);
  printf("{\"messages\": %lu, \"seconds\": %.4f, \"broker_cpu_s\": %.2f, \"own_cpu_s\": %.2f,"
         " \"rss_bytes\": %ld, \"p50_us\": %.1f, \"p99_us\": %.1f, \"refused\": %d}\n",
         (unsigned long)messages, took, used, own, rss, latencies[latency_count / 2] / 1e3,
         latencies[latency_count * 99 / 100] / 1e3, refused);
}

static void wait_for_delayed(int fd, int64_t wanted) {
  uint64_t ends = now_ns() + STUCK_SECONDS * 1000000000ull;
  int64_t have = -1, last;
  while ((last = have, have = all_there(fd)) < wanted) {
    if (have != last) ends = now_ns() + STUCK_SECONDS * 1000000000ull;
    if (now_ns() > ends) fail("delayed messages do not come, of", wanted, "");
    usleep(5000);
  }
}

static void load(void) {
  int sends = strcmp(mode, "pull"), delays = !strcmp(mode, "delay");
  int level = delay_level;
  latencies = grab(LATENCIES_MAX * sizeof *latencies);
  if (delays) delay_level = 0;  // topics are made by a message that comes at once
  make_template();
  prepare();
  if (delays) delay_level = level, make_template();
  come_in();
  if (!sends) prepare_readers();
  int fd = delays ? dial() : -1;
  int64_t before = delays ? all_there(fd) : 0;
  long rss;
  double own = own_usage(), used = usage(broker, &rss);
  run(sends);
  uint64_t messages = sends ? (progress() - refused) * together : pulled;
  if (delays) wait_for_delayed(fd, before + messages);
  double took = (now_ns() - begun) * 1e-9;
  used = usage(broker, &rss) - used, own = own_usage() - own;
  report(messages, took, used, own, rss);
}

// A broker that takes everything and keeps nothing.

static void on_request(Client *client, const Answer *request) {
  static const char *fields[] = {"queueId", "0", "msgId", "7F00000100002A9F0000000000000000",
                                 "queueOffset", "0", "offset", "1", NULL};
  uint8_t head[HEAD_MAX];
  size_t length = frame_head(head, SUCCESS, request->opaque, fields, 0);
  memcpy(room(client, length), head, length);
}

static void serve(void) {
  struct epoll_event events[256];
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, epoll = epoll_create1(0);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 128)) die("listen");
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      Client *client = events[i].data.ptr;
      if (!client) {
        client = grab(sizeof *client);
        client->in = grab(client->in_size = IN_BYTES);
        client->fd = accept(listener, NULL, NULL);
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        wanted.data.ptr = client;
        epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &wanted);
        continue;
      }
      ssize_t came = recv(client->fd, client->in + client->have, 1, MSG_PEEK);
      if (came <= 0) {
        close(client->fd), free(client->in), free(client->out), free(client);
        continue;
      }
      on_readable(client, on_request);
      flush(client);
    }
  }
}

int main(int count, char **words) {
  int option;
  while ((option = getopt(count, words, "p:B:m:w:n:c:T:Q:s:t:x:k:d:r:b")) != -1) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'B': broker = atoi(optarg); break;
      case 'm': mode = optarg; break;
      case 'w': window = atoi(optarg); break;
      case 'n': together = atoi(optarg); break;
      case 'c': connections = atoi(optarg); break;
      case 'T': topics = atoi(optarg); break;
      case 'Q': queues = atoi(optarg); break;
      case 's': size = atoi(optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'x': prefix = optarg; break;
      case 'k': fill = atoi(optarg); break;
      case 'd': delay_level = atoi(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 'b': binary = 1; break;
      default: return 2;
    }
  if (!size || !window || !together || !topics || topics > 9999 || !queues || queues > QUEUES_MAX)
    return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (!strcmp(mode, "serve")) serve();
  else load();
  return 0;
}
