import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What only version 5 of the Java client can. `Checks5 NAMESRV BROKER [WORD...]`. */
public final class Checks5 {
    private static String broker;

    public static void main(String[] args) {
        Room.nameServer = args[0];
        broker = args[1];
        Harness harness = new Harness();
        harness.check("a message waits for some seconds", Checks5::timer);
        harness.check("a message waits until a time", Checks5::atTime);
        harness.check("a message of the past comes at once", Checks5::inThePast);
        harness.check("a waiting message is recalled", Checks5::recall);
        harness.check("bodies compressed by ZSTD arrive as they were",
            name -> compressed(name, CompressionType.ZSTD));
        harness.check("bodies compressed by LZ4 arrive as they were",
            name -> compressed(name, CompressionType.LZ4));
        harness.check("automatic batches arrive", Checks5::autoBatch);
        harness.check("POP: the broker shares, what is done stays done", Checks5::pop);
        harness.check("POP: what failed comes again", Checks5::popAgain);
        harness.run(Arrays.copyOfRange(args, 2, args.length));
    }

    static void timer(String name) throws Exception {
        Message message = new Message(name, "red", "k", "later".getBytes());
        waits(name, message, () -> message.setDelayTimeSec(2), 1000);
    }

    static void atTime(String name) throws Exception {
        Message message = new Message(name, "red", "k", "later".getBytes());
        waits(name, message, () -> message.setDeliverTimeMs(System.currentTimeMillis() + 3000), 1000);
    }

    /** The peer's wheel has steps of a second, and may be a step early. */
    private static void waits(String name, Message message, Runnable put, long atLeastMs)
        throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "now"));
            put.run();
            producer.send(message);
            Room.Inbox inbox = room.inbox(name, name, "*");
            inbox.has("now", "later");
            MessageExt last = inbox.get("later");
            Harness.same("red", last.getTags(), "the tag");
            long waited = last.getStoreTimestamp() - last.getBornTimestamp();
            Harness.yes(waited >= atLeastMs, "it waited, not only " + waited + " ms");
        }
    }

    static void inThePast(String name) throws Exception {
        Message message = new Message(name, "red", "k", "later".getBytes());
        waits(name, message, () -> message.setDeliverTimeMs(System.currentTimeMillis() - 5000), 0);
    }

    static void recall(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            producer.send(Room.message(name, "now"));
            Message doomed = Room.message(name, "never");
            doomed.setDelayTimeSec(8);
            SendResult sent = producer.send(doomed);
            Harness.yes(sent.getRecallHandle() != null, "there is a handle");
            Message after = Room.message(name, "after");
            after.setDelayTimeSec(10);
            producer.send(after);
            Harness.same(sent.getMsgId(), producer.recallMessage(name, sent.getRecallHandle()), "the id");
            room.inbox(name, name, "*").has("now", "after");
        }
    }

    private static void compressed(String name, CompressionType type) throws Exception {
        byte[] body = "compressible ".repeat(5000).getBytes();
        try (Room room = new Room()) {
            DefaultMQProducer producer = new DefaultMQProducer(name, Room.hook);
            producer.setCompressType(type);
            room.started(producer).send(new Message(name, body));
            Room.Inbox inbox = room.inbox(name, name, "*");
            Harness.until("it comes", () -> inbox.got.size() == 1, inbox.got);
            Harness.yes(Arrays.equals(body, inbox.got.get(0).getBody()), "the body is the same");
        }
    }

    static void autoBatch(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = new DefaultMQProducer(name, Room.hook);
            producer.setAutoBatch(true);
            room.started(producer);
            producer.send(Room.message(name, "first"));
            String[] texts = new String[20];
            List<Thread> senders = new ArrayList<>();
            for (int i = 0; i < texts.length; i++) {
                String text = texts[i] = "number " + i;
                senders.add(new Thread(() -> send(producer, Room.message(name, text))));
            }
            senders.forEach(Thread::start);
            for (Thread each : senders) {
                each.join();
            }
            Room.Inbox inbox = room.inbox(name, name, "*");
            Harness.until("all", () -> inbox.got.size() == 21, inbox.got);
        }
    }

    private static void send(DefaultMQProducer producer, Message message) {
        try {
            producer.send(message);
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    /** A consumer whose queues the broker chooses, and which pops from them. */
    private static DefaultMQPushConsumer popping(Room room, String group, String topic) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(Room.hook);
        admin.setNamesrvAddr(Room.nameServer);
        admin.setInstanceName("admin-" + group + System.nanoTime());
        admin.start();
        try {
            admin.setMessageRequestMode(broker, topic, group, MessageRequestMode.POP, 8, 5000);
        } finally {
            admin.shutdown();
        }
        DefaultMQPushConsumer consumer = room.consumer(group);
        consumer.setClientRebalance(false);
        return consumer;
    }

    static void pop(String name) throws Exception {
        try (Room room = new Room()) {
            DefaultMQProducer producer = room.producer(name);
            Set<String> expected = new TreeSet<>();
            for (int i = 0; i < 40; i++) {
                producer.send(Room.message(name, "number " + i));
                expected.add("number " + i);
            }
            Room.Inbox one = room.inbox(popping(room, name, name), name, "*");
            Room.Inbox two = room.inbox(popping(room, name, name), name, "*");
            Harness.until("all of them", () -> one.got.size() + two.got.size() >= 40, one.got);
            List<String> all = one.texts();
            all.addAll(two.texts());
            Harness.same(40, all.size(), "how many came");
            Harness.same(expected, new TreeSet<>(all), "what came");
        }
    }

    static void popAgain(String name) throws Exception {
        try (Room room = new Room()) {
            room.producer(name).send(Room.message(name, "hello"));
            List<MessageExt> got = new CopyOnWriteArrayList<>();
            Set<String> failed = ConcurrentHashMap.newKeySet();
            DefaultMQPushConsumer consumer = popping(room, name, name);
            consumer.subscribe(name, "*");
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                context.setDelayLevelWhenNextConsume(1);
                got.addAll(messages);
                return failed.add("once") ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                    : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            consumer.start();
            Harness.until("twice", () -> got.size() == 2, got);
            Harness.same("hello", Room.text(got.get(1)), "the body");
            Harness.same(1, got.get(1).getReconsumeTimes(), "the number of attempts before");
        }
    }
}
