import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What users of the Java client rely on; the same text for 4.9 and 5. `Checks NAMESRV [WORD...]`. */
public final class Checks {
    static final int MIB = 1024 * 1024;

    public static void main(String[] args) {
        Room.nameServer = args[0];
        Harness harness = new Harness();
        sending(harness);
        consuming(harness);
        ordered(harness);
        filters(harness);
        failures(harness);
        later(harness);
        transactions(harness);
        pulling(harness);
        asking(harness);
        harness.run(Arrays.copyOfRange(args, 1, args.length));
    }

    // Sending

    private static void sending(Harness harness) {
        harness.check("what is sent synchronously arrives as it was", Checks::asItWas);
        harness.check("an asynchronous send tells of its success", Checks::asynchronous);
        harness.check("a one-way send arrives", Checks::oneWay);
        harness.check("a batch arrives as messages of one queue, in order", Checks::batch);
        harness.check("a large body is compressed by the client and arrives as it was", Checks::compressed);
        harness.check("a body of any bytes arrives as it was", Checks::binary);
        harness.check("a message that is too large is refused", Checks::tooLarge);
        harness.check("a topic of a wrong name is refused", Checks::wrongName);
        harness.check("a producer knows the queues of a topic", Checks::publishQueues);
        harness.check("a namespace keeps topics apart", Checks::namespace);
        harness.check("a trace tells of what was sent", Checks::trace);
    }

    static void asItWas(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            Message message = new Message(name, "red", "k1 k2", "hello".getBytes());
            message.putUserProperty("color", "blue");
            message.putUserProperty("ünïcode", "žluť 中文");
            message.setFlag(17);
            SendResult sent = producer.send(message);
            Harness.same(SendStatus.SEND_OK, sent.getSendStatus(), "the status");
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("hello");
            MessageExt got = inbox.got.get(0);
            Harness.same("red", got.getTags(), "the tag");
            Harness.same("k1 k2", got.getKeys(), "the keys");
            Harness.same("blue", got.getUserProperty("color"), "a property");
            Harness.same("žluť 中文", got.getUserProperty("ünïcode"), "another property");
            Harness.same(17, got.getFlag(), "the flag");
            Harness.same(name, got.getTopic(), "the topic");
            Harness.same(sent.getMsgId(), got.getMsgId(), "the id");
            Harness.same(sent.getQueueOffset(), got.getQueueOffset(), "the offset");
            Harness.same(sent.getMessageQueue().getQueueId(), got.getQueueId(), "the queue");
            Harness.same(0, got.getReconsumeTimes(), "the number of attempts before");
            Harness.yes(got.getBornTimestamp() <= System.currentTimeMillis(), "it was born before");
            Harness.yes(got.getBornHostString().contains("127.0.0.1"), got.getBornHostString());
        }
    }

    static void asynchronous(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            Set<String> ids = ConcurrentHashMap.newKeySet();
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            CountDownLatch told = new CountDownLatch(50);
            String[] texts = new String[50];
            for (int i = 0; i < texts.length; i++) {
                texts[i] = "number " + i;
                producer.send(Room.message(name, texts[i]), new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        ids.add(result.getMsgId());
                        told.countDown();
                    }

                    @Override
                    public void onException(Throwable error) {
                        errors.add(error);
                        told.countDown();
                    }
                });
            }
            Harness.yes(told.await(Harness.WAIT_SECONDS, TimeUnit.SECONDS), "all were told");
            Harness.same("[]", errors, "the errors");
            Harness.same(50, ids.size(), "how many ids there are");
            room.inbox(name, name, "*").has(texts);
        }
    }

    static void oneWay(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "first"));
            producer.sendOneway(Room.message(name, "second"));
            room.inbox(name, name, "*").has("first", "second");
        }
    }

    static void batch(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                batch.add(new Message(name, "tag" + i, "key" + i, ("part " + i).getBytes()));
            }
            SendResult sent = producer.send(batch);
            Harness.same(10, sent.getMsgId().split(",").length, "how many ids there are");
            Room.Inbox inbox = room.inbox(name, name, "*");
            Harness.until("ten", () -> inbox.got.size() == 10, inbox.got);
            List<MessageExt> got = new ArrayList<>(inbox.got);
            got.sort((a, b) -> Long.compare(a.getQueueOffset(), b.getQueueOffset()));
            for (int i = 0; i < 10; i++) {
                Harness.same("part " + i, Room.text(got.get(i)), "a body");
                Harness.same("tag" + i, got.get(i).getTags(), "a tag");
                Harness.same("key" + i, got.get(i).getKeys(), "a key");
                Harness.same(sent.getQueueOffset() + i, got.get(i).getQueueOffset(), "an offset");
                Harness.same(sent.getMsgId().split(",")[i], got.get(i).getMsgId(), "an id");
            }
        }
    }

    static void compressed(String name) throws Exception {
        byte[] body = "compressible ".repeat(5000).getBytes();
        arrives(name, body);
    }

    static void binary(String name) throws Exception {
        byte[] body = new byte[MIB];
        new Random(7).nextBytes(body);
        arrives(name, body);
    }

    private static void arrives(String name, byte[] body) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(new Message(name, body));
            Room.Inbox inbox = room.inbox(name, name, "*");
            Harness.until("it comes", () -> inbox.got.size() == 1, inbox.got);
            Harness.yes(Arrays.equals(body, inbox.got.get(0).getBody()), "the body is the same");
        }
    }

    static void tooLarge(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.setMaxMessageSize(16 * MIB);
            producer.setRetryTimesWhenSendFailed(0);
            producer.setCompressMsgBodyOverHowmuch(64 * MIB);
            producer.send(Room.message(name, "small"));
            try {
                producer.send(new Message(name, new byte[5 * MIB]));
            } catch (MQBrokerException refused) {
                Harness.same(13, refused.getResponseCode(), "the code");
                room.inbox(name, name, "*").has("small");
                return;
            }
            throw new AssertionError("it was taken");
        }
    }

    static void wrongName(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(Room.message("bad name", "hello"));
        } catch (MQClientException refused) {
            return;
        }
        throw new AssertionError("it was taken");
    }

    static void publishQueues(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "hello"));
            List<MessageQueue> queues = producer.fetchPublishMessageQueues(name);
            Harness.yes(queues.size() >= 1, "there are queues: " + queues);
            Set<Integer> numbers = new TreeSet<>();
            for (MessageQueue queue : queues) {
                numbers.add(queue.getQueueId());
                producer.send(Room.message(name, "to " + queue.getQueueId()), queue);
            }
            Harness.same(queues.size(), numbers.size(), "how many numbers there are");
        }
    }

    static void namespace(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer inside = new DefaultMQProducer("space" + name, name, Room.hook);
            room.started(inside).send(Room.message(name, "inside"));
            room.producer(name).send(Room.message(name, "outside"));
            room.inbox(name, name, "*").has("outside");
            room.inbox("inside" + name, "space" + name + "%" + name, "*").has("inside");
        }
    }

    static void trace(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.started(new DefaultMQProducer(name, Room.hook, true, null));
            String id = producer.send(Room.message(name, "traced")).getMsgId();
            DefaultMQProducer other = room.producer("other" + name);
            Harness.until("the topic is there",
                () -> !queues(other, "RMQ_SYS_TRACE_TOPIC").isEmpty(), "no route");
            Room.Inbox inbox = room.inbox(name, "RMQ_SYS_TRACE_TOPIC", "*");
            Harness.until("a trace of " + id,
                () -> inbox.texts().stream().anyMatch(text -> text.contains(id)), inbox.got);
        }
    }

    private static List<MessageQueue> queues(DefaultMQProducer producer, String topic) {
        try {
            return producer.fetchPublishMessageQueues(topic);
        } catch (MQClientException notYet) {
            return Collections.emptyList();
        }
    }

    // Consuming

    private static void consuming(Harness harness) {
        harness.check("a group goes on where it was", Checks::goesOn);
        harness.check("two consumers of a group share", Checks::share);
        harness.check("when one leaves, the other gets all", Checks::leaves);
        harness.check("broadcasting: everyone gets everything", Checks::broadcasting);
        harness.check("two groups get everything each", Checks::twoGroups);
        harness.check("a new group may begin at the end", Checks::fromLast);
        harness.check("a new group may begin at a time", Checks::fromTime);
        harness.check("what is sent while a consumer waits comes at once", Checks::waiting);
    }

    static void goesOn(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "first"));
            Room.Inbox before = room.inbox(name, name, "*");
            before.has("first");
            before.consumer.shutdown(); // says its offsets
            producer.send(Room.message(name, "second"));
            room.inbox(name, name, "*").has("second");
        }
    }

    static void share(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            Room.Inbox one = room.inbox(name, name, "*");
            Room.Inbox two = room.inbox(name, name, "*");
            List<MessageQueue> queues = producer.fetchPublishMessageQueues(name);
            Set<String> expected = new HashSet<>();
            Harness.until("both get some", () -> {
                for (MessageQueue queue : queues) {
                    String text = "text " + expected.size();
                    expected.add(text);
                    producer.send(Room.message(name, text), queue);
                }
                Thread.sleep(50); // how often it sends, not how long it waits
                return !one.got.isEmpty() && !two.got.isEmpty();
            }, queues);
            expected.add("begin");
            Harness.until("all of them", () -> {
                Set<String> all = new HashSet<>(one.texts());
                all.addAll(two.texts());
                return all.equals(expected);
            }, expected.size());
        }
    }

    static void leaves(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            List<MessageQueue> queues = producer.fetchPublishMessageQueues(name);
            Room.Inbox one = room.inbox(name, name, "*");
            Room.Inbox two = room.inbox(name, name, "*");
            Harness.until("both have queues", () -> {
                for (MessageQueue queue : queues) {
                    producer.send(Room.message(name, "warm"), queue);
                }
                Thread.sleep(50);
                return !one.got.isEmpty() && !two.got.isEmpty();
            }, queues);
            two.consumer.shutdown();
            for (MessageQueue queue : queues) {
                producer.send(Room.message(name, "after " + queue.getQueueId()), queue);
            }
            Harness.until("all that came after", () -> {
                long after = one.texts().stream().filter(text -> text.startsWith("after")).count();
                return after == queues.size();
            }, one.got);
        }
    }

    static void broadcasting(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            Room.Inbox one = room.inbox(broadcast(room, name), name, "*");
            Room.Inbox two = room.inbox(broadcast(room, name), name, "*");
            producer.send(Room.message(name, "hello"));
            one.has("begin", "hello");
            two.has("begin", "hello");
        }
    }

    /** By reflection: 4.9 and 5 have the enumeration in different packages. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static DefaultMQPushConsumer broadcast(Room room, String group) throws Exception {
        DefaultMQPushConsumer consumer = room.consumer(group);
        for (java.lang.reflect.Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                Class model = method.getParameterTypes()[0];
                method.invoke(consumer, Enum.valueOf(model, "BROADCASTING"));
            }
        }
        return consumer;
    }

    static void twoGroups(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "one"));
            producer.send(Room.message(name, "two"));
            room.inbox("a" + name, name, "*").has("one", "two");
            room.inbox("b" + name, name, "*").has("one", "two");
        }
    }

    static void fromLast(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            DefaultMQPushConsumer consumer = room.consumer(name);
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
            // A topic whose first message is still there is read from it: it is as new as the group.
            room.inbox(consumer, name, "*").has("begin");
        }
    }

    static void fromTime(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            DefaultMQPushConsumer consumer = room.consumer(name);
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
            consumer.setConsumeTimestamp("20200101000000");
            room.inbox(consumer, name, "*").has("begin");
        }
    }

    static void waiting(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "begin"));
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("begin");
            for (int i = 0; i < 30; i++) {
                producer.send(Room.message(name, "number " + i));
                int expected = i + 2;
                Harness.until("it comes", () -> inbox.got.size() == expected, expected);
            }
        }
    }

    // Order

    private static void ordered(Harness harness) {
        harness.check("what a selector sends to one queue stays in order", Checks::inOrder);
        harness.check("an ordered consumer that suspends gets the same again, and order stays", Checks::suspended);
        harness.check("order stays when an ordered consumer leaves", Checks::orderedLeaves);
    }

    private static void sendInOrder(DefaultMQProducer producer, String topic, int first, int count)
        throws Exception {
        for (int i = first; i < first + count; i++) {
            for (int key = 0; key < 5; key++) {
                producer.send(Room.message(topic, key + ":" + i),
                    (queues, message, arg) -> queues.get((Integer) arg % queues.size()), key);
            }
        }
    }

    private static void isInOrder(List<String> texts, int count) {
        Map<String, Integer> next = new HashMap<>();
        for (String text : texts) {
            String[] parts = text.split(":");
            Harness.same(next.getOrDefault(parts[0], 0), parts[1], "the next of key " + parts[0]);
            next.merge(parts[0], 1, (before, one) -> before == 0 ? 1 : before + one);
        }
        for (Map.Entry<String, Integer> each : next.entrySet()) {
            Harness.same(count, each.getValue(), "how many came of key " + each.getKey());
        }
    }

    private static DefaultMQPushConsumer orderly(Room room, String name, MessageListenerOrderly listener)
        throws Exception {
        DefaultMQPushConsumer consumer = room.consumer(name);
        consumer.subscribe(name, "*");
        consumer.registerMessageListener(listener);
        consumer.start();
        return consumer;
    }

    static void inOrder(String name) throws Exception {
        try (Room room = new Room()) {
            sendInOrder(room.producer(name), name, 0, 20);
            List<String> got = Collections.synchronizedList(new ArrayList<>());
            orderly(room, name, (messages, context) -> {
                messages.forEach(each -> got.add(Room.text(each)));
                return ConsumeOrderlyStatus.SUCCESS;
            });
            Harness.until("a hundred", () -> got.size() == 100, got);
            isInOrder(got, 20);
        }
    }

    static void suspended(String name) throws Exception {
        try (Room room = new Room()) {
            sendInOrder(room.producer(name), name, 0, 10);
            List<String> got = Collections.synchronizedList(new ArrayList<>());
            Set<String> refused = ConcurrentHashMap.newKeySet();
            orderly(room, name, (messages, context) -> {
                String text = Room.text(messages.get(0));
                if (text.endsWith(":3") && refused.add(text)) {
                    context.setSuspendCurrentQueueTimeMillis(10);
                    return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
                }
                messages.forEach(each -> got.add(Room.text(each)));
                return ConsumeOrderlyStatus.SUCCESS;
            });
            Harness.until("fifty", () -> got.size() == 50, got);
            Harness.same(5, refused.size(), "how many were refused once");
            isInOrder(got, 10);
        }
    }

    static void orderedLeaves(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            sendInOrder(producer, name, 0, 1);
            List<String> got = Collections.synchronizedList(new ArrayList<>());
            Set<String> ones = ConcurrentHashMap.newKeySet();
            MessageListenerOrderly listener = (messages, context) -> {
                messages.forEach(each -> got.add(Room.text(each)));
                return ConsumeOrderlyStatus.SUCCESS;
            };
            DefaultMQPushConsumer one = orderly(room, name, (messages, context) -> {
                ones.add(Room.text(messages.get(0)));
                return listener.consumeMessage(messages, context);
            });
            orderly(room, name, listener);
            Harness.until("five", () -> got.size() == 5, got);
            sendInOrder(producer, name, 1, 10);
            one.shutdown();
            sendInOrder(producer, name, 11, 10);
            Harness.until("all", () -> new HashSet<>(got).size() == 105, got);
            // What was handed to the one that left, and not said to be done, comes again.
            isInOrder(new ArrayList<>(new java.util.LinkedHashSet<>(got)), 21);
        }
    }

    // Filters

    private static void filters(Harness harness) {
        harness.check("tags choose", Checks::tags);
        harness.check("SQL chooses", Checks::sql);
        harness.check("SQL that is none is refused", Checks::badSql);
    }

    static void tags(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            for (String tag : new String[] {"A", "B", "C", "A"}) {
                producer.send(Room.message(name, tag, "of " + tag));
            }
            producer.send(Room.message(name, "of none"));
            room.inbox(name, name, "A || C").has("of A", "of C", "of A");
        }
    }

    static void sql(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            for (int i = 0; i < 10; i++) {
                Message message = Room.message(name, i % 2 == 0 ? "even" : "odd", "number " + i);
                message.putUserProperty("i", String.valueOf(i));
                if (i == 4) {
                    message.putUserProperty("color", "blue");
                }
                producer.send(message);
            }
            List<String> got = sqlInbox(room, "a" + name, name, "i BETWEEN 2 AND 6 AND TAGS = 'even'");
            List<String> blue = sqlInbox(room, "b" + name, name, "color IS NOT NULL OR i IN ('9')");
            Harness.until("three", () -> got.size() == 3, got);
            Harness.until("two", () -> blue.size() == 2, blue);
            Harness.same(new TreeSet<>(Arrays.asList("number 2", "number 4", "number 6")),
                new TreeSet<>(got), "what came");
            Harness.same(new TreeSet<>(Arrays.asList("number 4", "number 9")),
                new TreeSet<>(blue), "what came of blue");
        }
    }

    private static List<String> sqlInbox(Room room, String group, String topic, String words)
        throws Exception {
        List<String> got = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer consumer = room.consumer(group);
        consumer.subscribe(topic, MessageSelector.bySql(words));
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(each -> got.add(Room.text(each)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return got;
    }

    static void badSql(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(Room.message(name, "hello"));
            sqlInbox(room, name, name, "a is not > and");
        } catch (MQClientException refused) {
            return;
        }
        throw new AssertionError("it was taken");
    }

    // Failures of consumers

    private static void failures(Harness harness) {
        harness.check("what failed comes again", Checks::again);
        harness.check("an exception of the listener brings it again", Checks::thrown);
        harness.check("what fails too often is a dead letter", Checks::deadLetter);
        harness.check("a message given back by hand comes again", Checks::givenBack);
    }

    static void again(String name) throws Exception {
        try (Room room = new Room()) {
            String id = room.producer(name).send(new Message(name, "red", "k", "hello".getBytes())).getMsgId();
            List<MessageExt> got = failing(room, room.consumer(name), name, 2, false);
            Harness.until("three times", () -> got.size() == 3, got);
            for (int i = 0; i < 3; i++) {
                Harness.same(i, got.get(i).getReconsumeTimes(), "the number of attempts before");
                Harness.same(name, got.get(i).getTopic(), "the topic");
                Harness.same("hello", Room.text(got.get(i)), "the body");
                Harness.same("red", got.get(i).getTags(), "the tag");
            }
            Harness.same(id, got.get(0).getMsgId(), "the id");
        }
    }

    static void thrown(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(Room.message(name, "hello"));
            List<MessageExt> got = failing(room, room.consumer(name), name, 1, true);
            Harness.until("twice", () -> got.size() == 2, got);
            Harness.same(1, got.get(1).getReconsumeTimes(), "the number of attempts before");
        }
    }

    /** A consumer that fails the first times; what it was given. */
    private static List<MessageExt> failing(
        Room room, DefaultMQPushConsumer consumer, String topic, int times, boolean byException)
        throws Exception {
        List<MessageExt> got = new CopyOnWriteArrayList<>();
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            context.setDelayLevelWhenNextConsume(1);
            got.addAll(messages);
            if (got.size() > times) {
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }
            if (byException) {
                throw new IllegalStateException("the listener fails");
            }
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        consumer.start();
        return got;
    }

    @SuppressWarnings("deprecation")
    static void deadLetter(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(new Message(name, "red", "k", "doomed".getBytes()));
            DefaultMQPushConsumer consumer = room.consumer(name);
            consumer.setMaxReconsumeTimes(1);
            List<MessageExt> got = failing(room, consumer, name, 1000, false);
            Harness.until("twice", () -> got.size() == 2, got);
            DefaultMQPullConsumer puller = room.puller("dlq" + name);
            List<MessageExt> dead = new ArrayList<>();
            Harness.until("it is a dead letter", () -> {
                dead.addAll(pullAll(puller, "%DLQ%" + name));
                return !dead.isEmpty();
            }, dead);
            Harness.same("doomed", Room.text(dead.get(0)), "the body");
            Harness.same("red", dead.get(0).getTags(), "the tag");
            Harness.same(name, dead.get(0).getProperty("RETRY_TOPIC"), "where it came from");
            Harness.same(2, got.size(), "how often it was tried");
        }
    }

    @SuppressWarnings("deprecation")
    private static List<MessageExt> pullAll(DefaultMQPullConsumer puller, String topic) throws Exception {
        List<MessageExt> found = new ArrayList<>();
        Set<MessageQueue> queues;
        try {
            queues = puller.fetchSubscribeMessageQueues(topic);
        } catch (MQClientException notYet) {
            return found;
        }
        for (MessageQueue queue : queues) {
            PullResult result = puller.pull(queue, "*", puller.minOffset(queue), 32);
            if (result.getPullStatus() == PullStatus.FOUND) {
                found.addAll(result.getMsgFoundList());
            }
        }
        return found;
    }

    @SuppressWarnings("deprecation")
    static void givenBack(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(Room.message(name, "hello"));
            DefaultMQPullConsumer puller = room.puller(name);
            List<MessageExt> first = pullAll(puller, name);
            Harness.same(1, first.size(), "how many are there");
            puller.sendMessageBack(first.get(0), 1);
            List<MessageExt> back = new ArrayList<>();
            Harness.until("it is back", () -> {
                back.addAll(pullAll(puller, "%RETRY%" + name));
                return !back.isEmpty();
            }, back);
            Harness.same("hello", Room.text(back.get(0)), "the body");
            Harness.same(1, back.get(0).getReconsumeTimes(), "the number of attempts before");
        }
    }

    // Later

    private static void later(Harness harness) {
        harness.check("a delay level delays", Checks::delayed);
        harness.check("what is delayed less comes first", Checks::delayedOrder);
    }

    static void delayed(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "now"));
            Message message = new Message(name, "red", "k", "later".getBytes());
            message.setDelayTimeLevel(1);
            Harness.same(SendStatus.SEND_OK, producer.send(message).getSendStatus(), "the status");
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("now", "later");
            MessageExt last = inbox.get("later");
            Harness.same("red", last.getTags(), "the tag");
            long waited = last.getStoreTimestamp() - last.getBornTimestamp();
            Harness.yes(waited > 900, "it came after a second, not after " + waited + " ms");
        }
    }

    static void delayedOrder(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "now"));
            Message slow = Room.message(name, "slow");
            slow.setDelayTimeLevel(2);
            producer.send(slow);
            Message quick = Room.message(name, "quick");
            quick.setDelayTimeLevel(1);
            producer.send(quick);
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("now", "quick", "slow");
            long gap = inbox.get("slow").getStoreTimestamp() - inbox.get("quick").getStoreTimestamp();
            Harness.yes(gap > 0, "the quick one came first, by " + gap + " ms");
        }
    }

    // Transactions

    private static void transactions(Harness harness) {
        harness.check("a committed transaction arrives, one rolled back never does", Checks::committed);
        harness.check("the broker asks for the end of an open transaction", Checks::checked);
        harness.check("another producer of the group is asked when the first has gone", Checks::orphan);
    }

    /** Says of a message what its text says. */
    private static final class ByText implements TransactionListener {
        final List<String> asked = new CopyOnWriteArrayList<>();
        final LocalTransactionState answer;

        ByText(LocalTransactionState answer) {
            this.answer = answer;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
            return switch (Room.text(message)) {
                case "commit" -> LocalTransactionState.COMMIT_MESSAGE;
                case "rollback" -> LocalTransactionState.ROLLBACK_MESSAGE;
                default -> LocalTransactionState.UNKNOW;
            };
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            asked.add(Room.text(message));
            return answer;
        }
    }

    static void committed(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer("p" + name).send(Room.message(name, "begin"));
            ByText listener = new ByText(LocalTransactionState.UNKNOW);
            TransactionMQProducer producer = room.transactions(name, listener);
            producer.sendMessageInTransaction(Room.message(name, "rollback"), null);
            SendResult sent = producer.sendMessageInTransaction(
                new Message(name, "red", "k", "commit".getBytes()), null);
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("begin", "commit");
            MessageExt got = inbox.get("commit");
            Harness.same("red", got.getTags(), "the tag");
            Harness.same(sent.getMsgId(), got.getMsgId(), "the id");
        }
    }

    static void checked(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer("p" + name).send(Room.message(name, "begin"));
            ByText listener = new ByText(LocalTransactionState.COMMIT_MESSAGE);
            room.transactions(name, listener)
                .sendMessageInTransaction(Room.message(name, "unknown"), null);
            room.inbox(name, name, "*").has("begin", "unknown");
            Harness.yes(listener.asked.contains("unknown"), "it was asked: " + listener.asked);
        }
    }

    static void orphan(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer("p" + name).send(Room.message(name, "begin"));
            TransactionMQProducer first =
                room.transactions(name, new ByText(LocalTransactionState.UNKNOW));
            first.sendMessageInTransaction(Room.message(name, "unknown"), null);
            first.shutdown();
            ByText listener = new ByText(LocalTransactionState.COMMIT_MESSAGE);
            TransactionMQProducer second = room.transactions(name, listener);
            // A producer tells a broker of itself when it knows one: by a topic.
            second.fetchPublishMessageQueues(name);
            second.send(Room.message(name, "hello"));
            room.inbox(name, name, "*").has("begin", "hello", "unknown");
            Harness.yes(listener.asked.contains("unknown"), "it was asked: " + listener.asked);
        }
    }

    // Pulling

    private static void pulling(Harness harness) {
        harness.check("pulling by hand: found, nothing new, out of range", Checks::pull);
        harness.check("pulling by hand: offsets are kept", Checks::pullOffsets);
        harness.check("offsets by time", Checks::offsetsByTime);
        harness.check("a lite pull consumer subscribes", Checks::litePull);
        harness.check("a lite pull consumer that was assigned queues seeks", Checks::liteSeek);
    }

    @SuppressWarnings("deprecation")
    static void pull(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            MessageQueue queue = producer.send(Room.message(name, "0")).getMessageQueue();
            for (int i = 1; i < 5; i++) {
                producer.send(Room.message(name, String.valueOf(i)), queue);
            }
            DefaultMQPullConsumer puller = room.puller(name);
            PullResult found = puller.pull(queue, "*", 2, 2);
            Harness.same(PullStatus.FOUND, found.getPullStatus(), "the status");
            Harness.same(2, found.getMsgFoundList().size(), "how many there are");
            Harness.same("2", Room.text(found.getMsgFoundList().get(0)), "the first");
            Harness.same(4, found.getNextBeginOffset(), "the next");
            Harness.same(0, found.getMinOffset(), "the lowest");
            Harness.same(5, found.getMaxOffset(), "the end");
            PullResult none = puller.pull(queue, "*", 5, 2);
            Harness.same(PullStatus.NO_NEW_MSG, none.getPullStatus(), "the status at the end");
            PullResult beyond = puller.pull(queue, "*", 100, 2);
            Harness.same(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus(), "the status beyond");
            Harness.same(5, beyond.getNextBeginOffset(), "the next from beyond");
            PullResult other = puller.pull(queue, "other", 0, 5);
            Harness.same(PullStatus.NO_MATCHED_MSG, other.getPullStatus(), "the status of a tag");
        }
    }

    @SuppressWarnings("deprecation")
    static void pullOffsets(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            MessageQueue queue = producer.send(Room.message(name, "0")).getMessageQueue();
            DefaultMQPullConsumer puller = room.puller(name);
            Harness.yes(puller.fetchConsumeOffset(queue, true) <= 0, "there is no offset yet");
            Harness.until("it is kept", () -> {
                puller.updateConsumeOffset(queue, 1);
                puller.getOffsetStore().persist(queue); // one way: nobody says whether it came
                return puller.fetchConsumeOffset(queue, true) == 1;
            }, queue);
            Harness.same(1, puller.maxOffset(queue), "the end");
            Harness.same(0, puller.minOffset(queue), "the lowest");
            Harness.yes(puller.earliestMsgStoreTime(queue) <= System.currentTimeMillis(), "the time");
        }
    }

    @SuppressWarnings("deprecation")
    static void offsetsByTime(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            MessageQueue queue = producer.send(Room.message(name, "0")).getMessageQueue();
            Thread.sleep(20); // so that the two have different times
            producer.send(Room.message(name, "1"), queue);
            DefaultMQPullConsumer puller = room.puller(name);
            List<MessageExt> both = puller.pull(queue, "*", 0, 2).getMsgFoundList();
            Harness.same(0, puller.searchOffset(queue, 0), "at the beginning of time");
            long second = both.get(1).getStoreTimestamp();
            Harness.same(1, puller.searchOffset(queue, second), "at the second");
            Harness.same(0, puller.searchOffset(queue, both.get(0).getStoreTimestamp()), "at the first");
        }
    }

    static void litePull(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            Set<String> expected = new TreeSet<>();
            for (int i = 0; i < 20; i++) {
                producer.send(Room.message(name, "number " + i));
                expected.add("number " + i);
            }
            DefaultLitePullConsumer consumer = room.litePuller(name);
            consumer.subscribe(name, "*");
            consumer.start();
            Set<String> got = new TreeSet<>();
            Harness.until("all of them", () -> {
                consumer.poll(1000).forEach(each -> got.add(Room.text(each)));
                return got.equals(expected);
            }, got);
        }
    }

    static void liteSeek(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            MessageQueue queue = producer.send(Room.message(name, "0")).getMessageQueue();
            for (int i = 1; i < 5; i++) {
                producer.send(Room.message(name, String.valueOf(i)), queue);
            }
            DefaultLitePullConsumer consumer = room.litePuller(name);
            consumer.setAutoCommit(false);
            consumer.start();
            consumer.assign(Collections.singletonList(queue));
            // What the client pulls by itself meanwhile would come after a seek that is too early.
            List<String> before = new ArrayList<>();
            Harness.until("five", () -> {
                consumer.poll(1000).forEach(each -> before.add(Room.text(each)));
                return before.size() == 5;
            }, before);
            consumer.seek(queue, 3);
            List<String> got = new ArrayList<>();
            Harness.until("two", () -> {
                consumer.poll(1000).forEach(each -> got.add(Room.text(each)));
                return got.size() >= 2;
            }, got);
            Harness.same("[3, 4]", got, "what came");
            consumer.commitSync();
            Harness.until("it is kept", () -> consumer.committed(queue) == 5, got);
        }
    }

    // Asking

    private static void asking(Harness harness) {
        harness.check("a request gets its reply", Checks::request);
        harness.check("messages are found by key and by id", Checks::queries);
    }

    static void request(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer replier = room.producer("r" + name);
            replier.send(Room.message(name, "begin"));
            DefaultMQPushConsumer consumer = room.consumer(name);
            consumer.subscribe(name, "*");
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                for (MessageExt each : messages) {
                    reply(replier, each);
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            DefaultMQProducer producer = room.producer(name);
            for (int i = 0; i < 5; i++) {
                Message answer = producer.request(Room.message(name, "question " + i), 60_000);
                Harness.same("answer to question " + i, Room.text(answer), "the answer");
            }
        }
    }

    private static void reply(DefaultMQProducer replier, MessageExt message) {
        if (message.getProperty("CORRELATION_ID") == null) {
            return; // the first, which is no question
        }
        try {
            byte[] body = ("answer to " + Room.text(message)).getBytes(StandardCharsets.UTF_8);
            replier.send(MessageUtil.createReplyMessage(message, body));
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    @SuppressWarnings("deprecation")
    static void queries(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            SendResult sent = producer.send(new Message(name, "red", "k" + name, "hello".getBytes()));
            producer.send(new Message(name, "red", "other", "else".getBytes()));
            AtomicInteger times = new AtomicInteger();
            Harness.until("it is found by its key", () -> {
                times.incrementAndGet();
                return found(producer, name).equals("[hello]");
            }, times);
            MessageExt byOffset = producer.viewMessage(name, sent.getOffsetMsgId());
            Harness.same("hello", Room.text(byOffset), "by its place");
            MessageExt byId = producer.viewMessage(name, sent.getMsgId());
            Harness.same("hello", Room.text(byId), "by its id");
            Harness.same(sent.getQueueOffset(), byId.getQueueOffset(), "its offset");
        }
    }

    @SuppressWarnings("deprecation")
    private static String found(DefaultMQProducer producer, String name) {
        try {
            long now = System.currentTimeMillis();
            QueryResult result = producer.queryMessage(name, "k" + name, 10, 0, now + 60_000);
            List<String> texts = new ArrayList<>();
            result.getMessageList().forEach(each -> texts.add(Room.text(each)));
            return texts.toString();
        } catch (MQClientException | InterruptedException notYet) {
            return "[]";
        }
    }
}
