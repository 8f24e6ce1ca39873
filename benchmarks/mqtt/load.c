// MQTT 3.1.1 load: publishers and subscribers in one thread, packets encoded beforehand; that every
// message comes to every subscriber, once and in order, is checked. Prints one JSON line.
//   -p port         -P publishers     -S subscribers   -q QoS, of both    -s bytes of a payload
//   -t seconds      -k: sessions are kept (CleanSession 0)
//   -w messages that a publisher has under way at most: not yet with all subscribers, or not yet
//      acknowledged. So nobody drops anything, and who is slow is not overrun.
//   -r messages a second of each publisher, as far as -w lets it, instead of as many as there can be
//   -i sessions that connect, subscribe and then are silent, instead of all that
//   -B process id of the broker: its processor time and memory
#define _GNU_SOURCE
#include <arpa/inet.h>
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

enum { PUBLISH = 3, PUBACK, PUBREC, PUBREL, PUBCOMP };
enum { HEAD_MAX = 64, STUCK_SECONDS = 20, TOGETHER = 100, LATENCIES_MAX = 1 << 20 };
static const size_t IN_BYTES = 1 << 18;

typedef struct {
  int fd;
  int is_publisher;
  uint32_t number;  // among its kind
  uint8_t *in, *out;
  size_t have, out_begin, out_end, out_size;
  int waits;           // for the socket to take more
  uint32_t sent, done;  // messages of a publisher
  uint32_t *next;      // of a subscriber: what is to come from each publisher
} Client;

static int port, publishers = 1, subscribers = 1, qos, kept, idle, broker;
static uint32_t size = 100, window = 1000;
static double seconds = 1, rate;
static uint64_t begun;
static Client *clients;
static uint16_t *missing;  // of each message under way: who does not have it yet
static uint64_t *sent_at;
static uint32_t *latencies;
static uint64_t latency_count;
static uint8_t *message;  // as it is sent
static size_t message_head, message_bytes;
static int publishing = 1;

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void *grab(size_t bytes) {
  void *found = calloc(1, bytes);
  if (!found) die("no memory");
  return found;
}

// Packets

static uint8_t *put_text(uint8_t *at, const char *text) {
  size_t length = strlen(text);
  at[0] = length >> 8, at[1] = length;
  memcpy(at + 2, text, length);
  return at + 2 + length;
}

static size_t put_length(uint8_t *at, size_t length) {
  size_t used = 0;
  do {
    uint8_t octet = length & 127;
    length >>= 7;
    at[used++] = octet | (length ? 128 : 0);
  } while (length);
  return used;
}

static size_t connect_packet(uint8_t *at, const char *id, int clean) {
  uint8_t *end = put_text(at + 2, "MQTT");
  *end++ = 4, *end++ = clean ? 2 : 0, *end++ = 0, *end++ = idle ? 60 : 0;
  end = put_text(end, id);
  at[0] = 0x10, at[1] = end - at - 2;
  return end - at;
}

static size_t subscribe_packet(uint8_t *at, const char *filter) {
  uint8_t *end = put_text(at + 4, filter);
  *end++ = qos;
  at[0] = 0x82, at[1] = end - at - 2, at[2] = 0, at[3] = 1;
  return end - at;
}

// Everything but the numbers that change: publisher, sequence, packet id.
static void make_message(void) {
  uint8_t content[HEAD_MAX];
  uint8_t *end = put_text(content, "bench/0000");
  if (qos) end += 2;
  size_t head = end - content;
  message = grab(HEAD_MAX + size);
  message[0] = 0x30 | qos << 1;
  size_t before = 1 + put_length(message + 1, head + size);
  memcpy(message + before, content, head);
  message_head = before + head;
  message_bytes = message_head + size;
  memset(message + message_head, 'x', size);
}

// Before it counts: one client after another, each waiting for its answers

static void write_all(int fd, const uint8_t *data, size_t bytes) {
  while (bytes) {
    ssize_t gone = write(fd, data, bytes);
    if (gone <= 0) die("the broker hung up");
    data += gone, bytes -= gone;
  }
}

static void read_answer(int fd, int kind) {
  uint8_t packet[130];
  for (size_t have = 0; have < 2 || have < 2u + packet[1]; have++)
    if (read(fd, packet + have, 1) <= 0) die("the broker hung up");
  if (packet[0] >> 4 != kind || packet[packet[1] + 1] & 0x80 || (kind == 2 && packet[3])) {
    fprintf(stderr, "not the answer wanted: %d %d\n", packet[0], packet[3]);
    exit(1);
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

// Ten thousand ports that wait for their time after the end would be too many.
static void hang_up(int fd) {
  struct linger hard = {1, 0};
  write_all(fd, (const uint8_t *)"\xe0", 2);
  uint8_t last;
  while (read(fd, &last, 1) > 0) {
  }
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

static void name_of(const Client *client, char *name) {
  sprintf(name, "bench-%s-%u", client->is_publisher ? "p" : "s", client->number);
}

static void come_in(Client *client) {
  uint8_t packet[128];
  char id[32];
  name_of(client, id);
  client->fd = dial();
  write_all(client->fd, packet, connect_packet(packet, id, !kept));
  read_answer(client->fd, 2);
  if (!client->is_publisher) {
    const char *filter = publishers > 1 ? "bench/#" : "bench/0000";
    write_all(client->fd, packet, subscribe_packet(packet, filter));
    read_answer(client->fd, 9);
  }
  fcntl(client->fd, F_SETFL, O_NONBLOCK);
}

// What a kept session leaves goes when its client comes again without one.
static void go(Client *client) {
  uint8_t packet[128];
  char id[32];
  fcntl(client->fd, F_SETFL, 0);
  hang_up(client->fd);
  if (!kept) return;
  name_of(client, id);
  int fd = dial();
  write_all(fd, packet, connect_packet(packet, id, 1));
  read_answer(fd, 2);
  hang_up(fd);
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

static void answer(Client *client, int kind, const uint8_t *number) {
  uint8_t *at = room(client, 4);
  at[0] = kind << 4 | (kind == PUBREL ? 2 : 0), at[1] = 2, at[2] = number[0], at[3] = number[1];
}

static void publish(Client *client) {
  uint64_t now = now_ns();
  while (publishing && client->sent - client->done < window) {
    uint64_t due = rate ? begun + client->sent / rate * 1e9 : now;
    if (due > now) break;
    uint32_t sequence = client->sent++, slot = client->number * window + sequence % window;
    uint8_t *at = room(client, message_bytes);
    memcpy(at, message, message_bytes);
    uint8_t *digits = at + message_head - (qos ? 2 : 0) - 4;
    for (uint32_t i = 4, left = client->number; i--; left /= 10) digits[i] = '0' + left % 10;
    if (qos) {
      uint16_t number = sequence % 65535 + 1;
      at[message_head - 2] = number >> 8, at[message_head - 1] = number;
    }
    memcpy(at + message_head, &client->number, 4);
    memcpy(at + message_head + 4, &sequence, 4);
    missing[slot] = subscribers + (qos > 0);
    sent_at[slot] = due;  // who comes too late has waited, too
  }
  flush(client);
}

// Receiving

static void arrived(uint32_t number, uint32_t sequence) {
  Client *publisher = clients + number;
  uint32_t slot = number * window + sequence % window;
  if (--missing[slot]) return;
  if (latency_count < LATENCIES_MAX) latencies[latency_count++] = now_ns() - sent_at[slot];
  while (publisher->done < publisher->sent &&
         !missing[number * window + publisher->done % window])
    publisher->done++;
}

static void acknowledged(Client *client, const uint8_t *at) {
  uint32_t number = (at[0] << 8 | at[1]) - 1;
  uint32_t behind = (client->done % 65535 + 65535 - number) % 65535;
  uint32_t sequence = behind ? client->done + (65535 - behind) : client->done;
  if (sequence >= client->sent) {
    fprintf(stderr, "an acknowledgement of nothing\n");
    exit(1);
  }
  arrived(client->number, sequence);
}

static void on_publish(Client *client, const uint8_t *at, size_t bytes, int how) {
  size_t head = 2 + (at[0] << 8 | at[1]);
  const uint8_t *number = at + head;
  if (how) head += 2;
  uint32_t publisher, sequence;
  if (bytes < head + size) die("a short message");
  memcpy(&publisher, at + head, 4);
  memcpy(&sequence, at + head + 4, 4);
  if (how != qos || bytes != head + size || publisher >= (uint32_t)publishers ||
      client->next[publisher]++ != sequence || at[bytes - 1] != 'x') {
    fprintf(stderr, "message %u of %u, QoS %d: not the next one\n", sequence, publisher, how);
    exit(1);
  }
  if (how == 1) answer(client, PUBACK, number);
  if (how == 2) answer(client, PUBREC, number);
  arrived(publisher, sequence);
}

static void on_packet(Client *client, int first, const uint8_t *at, size_t bytes) {
  switch (first >> 4) {
    case PUBLISH:
      on_publish(client, at, bytes, first >> 1 & 3);
      break;
    case PUBACK:
      acknowledged(client, at);
      break;
    case PUBREC:
      answer(client, PUBREL, at);
      break;
    case PUBREL:
      answer(client, PUBCOMP, at);
      break;
    case PUBCOMP:
      acknowledged(client, at);
      break;
    default:
      fprintf(stderr, "a packet of kind %d\n", first >> 4);
      exit(1);
  }
}

static void on_readable(Client *client) {
  ssize_t came = read(client->fd, client->in + client->have, IN_BYTES - client->have);
  if (came < 0 && errno == EAGAIN) return;
  if (came <= 0) die("the broker hung up");
  client->have += came;
  size_t at = 0;
  for (;;) {
    size_t length = 0, here = at + 1;
    int shift = 0, whole = 0;
    while (here < client->have && !whole) {
      length |= (size_t)(client->in[here] & 127) << shift;
      shift += 7;
      whole = client->in[here++] < 128;
    }
    if (!whole || here + length > client->have) break;
    on_packet(client, client->in[at], client->in + here, length);
    at = here + length;
  }
  memmove(client->in, client->in + at, client->have - at);
  client->have -= at;
}

// The load

static uint64_t progress(void) {
  uint64_t all = 0;
  for (int i = 0; i < publishers; i++) all += clients[i].done;
  return all;
}

static int all_done(void) {
  for (int i = 0; i < publishers; i++)
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

static void run(void) {
  int count = publishers + subscribers, epoll = epoll_create1(0);
  struct epoll_event events[256];
  begun = now_ns();
  uint64_t ends = begun + seconds * 1e9, moved = begun, seen = 0;
  for (int i = 0; i < count; i++) watch(epoll, clients + i, EPOLL_CTL_ADD);
  for (int i = 0; i < publishers; i++) publish(clients + i), watch(epoll, clients + i, EPOLL_CTL_MOD);
  while (publishing || !all_done()) {
    int ready = epoll_wait(epoll, events, 256, rate && publishing ? 0 : 1000);
    for (int i = 0; i < ready; i++) {
      Client *client = events[i].data.ptr;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(client);
      if (client->is_publisher && client->out_begin == client->out_end) publish(client);
      flush(client);
      watch(epoll, client, EPOLL_CTL_MOD);
    }
    // Whose messages came by others may send more.
    for (int i = 0; i < publishers; i++)
      if (publishing && clients[i].sent - clients[i].done < window && !clients[i].waits)
        publish(clients + i), watch(epoll, clients + i, EPOLL_CTL_MOD);
    uint64_t now = now_ns(), all = progress();
    if (all != seen) seen = all, moved = now;
    if (now - moved > STUCK_SECONDS * 1000000000ull) {
      fprintf(stderr, "stuck: after %lu messages nothing comes any more\n", (unsigned long)seen);
      exit(1);
    }
    if (now >= ends) publishing = 0;
  }
  close(epoll);
}

static int by_size(const void *a, const void *b) {
  uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
  return one < other ? -1 : one > other;
}

static void load(void) {
  int count = publishers + subscribers;
  clients = grab(count * sizeof *clients);
  missing = grab((size_t)publishers * window * sizeof *missing);
  sent_at = grab((size_t)publishers * window * sizeof *sent_at);
  latencies = grab(LATENCIES_MAX * sizeof *latencies);
  make_message();
  for (int i = count; i--;) {  // subscribers first
    Client *client = clients + i;
    client->is_publisher = i < publishers;
    client->number = client->is_publisher ? i : i - publishers;
    client->in = grab(IN_BYTES);
    client->next = grab(publishers * sizeof *client->next);
    come_in(client);
  }
  long rss;
  double own = own_usage(), used = usage(broker, &rss);
  run();
  double took = (now_ns() - begun) * 1e-9;
  used = usage(broker, &rss) - used, own = own_usage() - own;
  uint64_t messages = progress() * subscribers;
  qsort(latencies, latency_count, sizeof *latencies, by_size);
  printf("{\"messages\": %lu, \"seconds\": %.4f, \"broker_cpu_s\": %.2f, \"own_cpu_s\": %.2f,"
         " \"rss_bytes\": %ld, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
         (unsigned long)messages, took, used, own, rss, latencies[latency_count / 2] / 1e3,
         latencies[latency_count * 99 / 100] / 1e3);
  for (int i = 0; i < count; i++) go(clients + i);
}

static void be_idle(void) {
  int *fds = grab(idle * sizeof *fds);
  uint8_t packet[256];
  char id[32], filter[32];
  long before, after;
  usage(broker, &before);
  uint64_t begun = now_ns();
  for (int first = 0; first < idle; first += TOGETHER) {
    int end = first + TOGETHER < idle ? first + TOGETHER : idle;
    for (int i = first; i < end; i++) {
      fds[i] = dial();
      sprintf(id, "bench-idle-%d", i), sprintf(filter, "idle/%d/#", i);
      size_t bytes = connect_packet(packet, id, 1);
      bytes += subscribe_packet(packet + bytes, filter);
      write_all(fds[i], packet, bytes);
    }
    for (int i = first; i < end; i++) read_answer(fds[i], 2), read_answer(fds[i], 9);
  }
  double took = (now_ns() - begun) * 1e-9;
  sleep(1);
  double used = usage(broker, &after);
  sleep(1);
  used = usage(broker, &after) - used;
  printf("{\"sessions\": %d, \"seconds\": %.3f, \"before_bytes\": %ld, \"after_bytes\": %ld,"
         " \"idle_cpu_s\": %.2f}\n",
         idle, took, before, after, used);
  for (int i = 0; i < idle; i++) hang_up(fds[i]);
}

int main(int count, char **words) {
  int option;
  while ((option = getopt(count, words, "p:P:S:q:s:t:kw:r:i:B:")) != -1) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'P': publishers = atoi(optarg); break;
      case 'S': subscribers = atoi(optarg); break;
      case 'q': qos = atoi(optarg); break;
      case 's': size = atoi(optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'k': kept = 1; break;
      case 'w': window = atoi(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 'i': idle = atoi(optarg); break;
      case 'B': broker = atoi(optarg); break;
      default: return 2;
    }
  if (size < 16 || window < 1 || window > 60000 || publishers > 9999 || subscribers > 60000) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (idle) be_idle();
  else load();
  return 0;
}
