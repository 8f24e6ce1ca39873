import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What users of the client that speaks gRPC rely on. `ChecksGrpc NAMESRV BROKER GRPC [WORD...]`. */
public final class ChecksGrpc {
    private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
    private static String nameServer;
    private static String broker;
    private static ClientConfiguration configuration;

    public static void main(String[] args) {
        nameServer = args[0];
        broker = args[1];
        configuration = ClientConfiguration.newBuilder().setEndpoints(args[2])
            .setRequestTimeout(Duration.ofSeconds(20)).build();
        Harness harness = new Harness(4);
        harness.check("a simple consumer receives what was sent, and settles it", ChecksGrpc::simple);
        harness.check("what is not settled comes again", ChecksGrpc::again);
        harness.check("a push consumer gets what was sent", ChecksGrpc::push);
        harness.check("what a listener refuses comes again", ChecksGrpc::refused);
        harness.check("messages of one group come in order", ChecksGrpc::fifo);
        harness.check("a message waits until its time", ChecksGrpc::delay);
        harness.check("a waiting message is recalled", ChecksGrpc::recall);
        harness.check("a committed transaction arrives, one rolled back never does", ChecksGrpc::transaction);
        harness.check("the broker asks for the end of an open transaction", ChecksGrpc::orphan);
        harness.check("tags and SQL choose", ChecksGrpc::filters);
        harness.check("a large body arrives as it was", ChecksGrpc::large);
        harness.run(Arrays.copyOfRange(args, 3, args.length));
    }

    /** Clients of one check, closed at its end. */
    private static final class Clients implements AutoCloseable {
        private final Deque<AutoCloseable> open = new ArrayDeque<>();

        Producer producer(String topic) throws Exception {
            Producer producer = PROVIDER.newProducerBuilder().setTopics(topic)
                .setClientConfiguration(configuration).setTransactionChecker(message -> {
                    asked.add(text(message));
                    return TransactionResolution.COMMIT;
                }).build();
            open.push(producer);
            return producer;
        }

        final List<String> asked = new CopyOnWriteArrayList<>();

        SimpleConsumer simple(String group, String topic, FilterExpression filter) throws Exception {
            SimpleConsumer consumer = PROVIDER.newSimpleConsumerBuilder()
                .setClientConfiguration(configuration).setConsumerGroup(group)
                .setAwaitDuration(Duration.ofSeconds(3))
                .setSubscriptionExpressions(Collections.singletonMap(topic, filter)).build();
            open.push(consumer);
            return consumer;
        }

        List<MessageView> push(String group, String topic, int refusals) throws Exception {
            List<MessageView> got = new CopyOnWriteArrayList<>();
            open.push(PROVIDER.newPushConsumerBuilder()
                .setClientConfiguration(configuration).setConsumerGroup(group)
                .setSubscriptionExpressions(Map.of(topic, FilterExpression.SUB_ALL))
                .setMessageListener(message -> {
                    got.add(message);
                    return got.size() > refusals ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE;
                }).build());
            return got;
        }

        @Override
        public void close() throws Exception {
            for (AutoCloseable each : open) {
                each.close();
            }
        }
    }

    /** A topic for messages of a type, and the groups that read it: the peer wants to know them. */
    private static synchronized void make(String name, String type, String... groups) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(nameServer);
        admin.setInstanceName("admin-" + name);
        admin.start();
        try {
            TopicConfig topic = new TopicConfig(name);
            topic.setReadQueueNums(4);
            topic.setWriteQueueNums(4);
            topic.setAttributes(Collections.singletonMap("+message.type", type));
            admin.createAndUpdateTopicConfig(broker, topic);
            for (String each : groups.length == 0 ? new String[] {name} : groups) {
                SubscriptionGroupConfig group = new SubscriptionGroupConfig();
                group.setGroupName(each);
                group.setConsumeMessageOrderly(type.equals("FIFO"));
                admin.createAndUpdateSubscriptionGroupConfig(broker, group);
            }
        } finally {
            admin.shutdown();
        }
        Thread.sleep(200); // the peer's name server hears of it a little later
    }

    private static MessageBuilder message(String topic, String text) {
        return PROVIDER.newMessageBuilder().setTopic(topic).setBody(text.getBytes());
    }

    private static String text(MessageView message) {
        ByteBuffer body = message.getBody();
        byte[] bytes = new byte[body.remaining()];
        body.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static List<String> texts(List<MessageView> messages) {
        List<String> texts = new ArrayList<>();
        messages.forEach(each -> texts.add(text(each)));
        return texts;
    }

    /** Receive and settle until so many are here. */
    private static List<MessageView> receive(SimpleConsumer consumer, int count) throws Exception {
        List<MessageView> got = new ArrayList<>();
        Harness.until(count + " messages", () -> {
            for (MessageView each : consumer.receive(16, Duration.ofSeconds(30))) {
                got.add(each);
                consumer.ack(each);
            }
            return got.size() >= count;
        }, got);
        return got;
    }

    static void simple(String name) throws Exception {
        make(name, "NORMAL");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            Message message = message(name, "hello").setTag("red").setKeys("k1", "k2")
                .addProperty("color", "žluť").build();
            SendReceipt receipt = producer.send(message);
            List<MessageView> got = receive(clients.simple(name, name, FilterExpression.SUB_ALL), 1);
            MessageView found = got.get(0);
            Harness.same("hello", text(found), "the body");
            Harness.same("red", found.getTag().get(), "the tag");
            Harness.same("[k1, k2]", new TreeSet<>(found.getKeys()), "the keys");
            Harness.same("žluť", found.getProperties().get("color"), "a property");
            Harness.same(receipt.getMessageId(), found.getMessageId(), "the id");
            Harness.same(1, found.getDeliveryAttempt(), "the attempt");
        }
    }

    static void again(String name) throws Exception {
        make(name, "NORMAL");
        try (Clients clients = new Clients()) {
            clients.producer(name).send(message(name, "hello").build());
            SimpleConsumer consumer = clients.simple(name, name, FilterExpression.SUB_ALL);
            List<MessageView> first = new ArrayList<>();
            Harness.until("one", () -> {
                first.addAll(consumer.receive(16, Duration.ofSeconds(60)));
                return !first.isEmpty();
            }, first);
            consumer.changeInvisibleDuration(first.get(0), Duration.ofSeconds(10));
            MessageView second = receive(consumer, 1).get(0);
            Harness.same("hello", text(second), "the body");
            Harness.same(2, second.getDeliveryAttempt(), "the attempt");
        }
    }

    static void push(String name) throws Exception {
        make(name, "NORMAL");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            List<MessageView> got = clients.push(name, name, 0);
            for (int i = 0; i < 20; i++) {
                producer.send(message(name, "number " + i).build());
            }
            Harness.until("twenty", () -> got.size() == 20, got);
            Harness.same(20, new TreeSet<>(texts(got)).size(), "how many there are");
        }
    }

    static void refused(String name) throws Exception {
        make(name, "NORMAL");
        try (Clients clients = new Clients()) {
            List<MessageView> got = clients.push(name, name, 1);
            clients.producer(name).send(message(name, "hello").build());
            Harness.until("twice", () -> got.size() == 2, got);
            Harness.same(2, got.get(1).getDeliveryAttempt(), "the attempt");
        }
    }

    static void fifo(String name) throws Exception {
        make(name, "FIFO");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                producer.send(message(name, "number " + i).setMessageGroup("one").build());
                expected.add("number " + i);
            }
            List<MessageView> got = clients.push(name, name, 0);
            Harness.until("ten", () -> got.size() == 10, got);
            Harness.same(expected, texts(got), "the order");
            Harness.same("one", got.get(0).getMessageGroup().get(), "the group");
        }
    }

    static void delay(String name) throws Exception {
        make(name, "DELAY");
        try (Clients clients = new Clients()) {
            long due = System.currentTimeMillis() + 4000;
            clients.producer(name).send(message(name, "later").setDeliveryTimestamp(due).build());
            receive(clients.simple(name, name, FilterExpression.SUB_ALL), 1);
            // The peer's wheel has steps of a second.
            Harness.yes(System.currentTimeMillis() > due - 1500, "it did not come before its time");
        }
    }

    static void recall(String name) throws Exception {
        make(name, "DELAY");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            long now = System.currentTimeMillis();
            SendReceipt receipt =
                producer.send(message(name, "never").setDeliveryTimestamp(now + 8000).build());
            producer.send(message(name, "after").setDeliveryTimestamp(now + 10_000).build());
            producer.recallMessage(name, receipt.getRecallHandle());
            SimpleConsumer consumer = clients.simple(name, name, FilterExpression.SUB_ALL);
            Harness.same("[after]", texts(receive(consumer, 1)), "what came");
        }
    }

    static void transaction(String name) throws Exception {
        make(name, "TRANSACTION");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            Transaction undone = producer.beginTransaction();
            producer.send(message(name, "never").build(), undone);
            undone.rollback();
            Transaction done = producer.beginTransaction();
            producer.send(message(name, "hello").build(), done);
            done.commit();
            SimpleConsumer consumer = clients.simple(name, name, FilterExpression.SUB_ALL);
            Harness.same("[hello]", texts(receive(consumer, 1)), "what came");
        }
    }

    static void orphan(String name) throws Exception {
        make(name, "TRANSACTION");
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            producer.send(message(name, "open").build(), producer.beginTransaction());
            SimpleConsumer consumer = clients.simple(name, name, FilterExpression.SUB_ALL);
            Harness.same("[open]", texts(receive(consumer, 1)), "what came");
            Harness.yes(clients.asked.contains("open"), "it was asked: " + clients.asked);
        }
    }

    static void filters(String name) throws Exception {
        make(name, "NORMAL", "a" + name, "b" + name);
        try (Clients clients = new Clients()) {
            Producer producer = clients.producer(name);
            for (int i = 0; i < 6; i++) {
                String tag = i % 2 == 0 ? "even" : "odd";
                producer.send(message(name, "number " + i).setTag(tag).addProperty("i", "" + i).build());
            }
            SimpleConsumer byTag =
                clients.simple("a" + name, name, new FilterExpression("even"));
            SimpleConsumer bySql = clients.simple("b" + name, name,
                new FilterExpression("i > 2 AND TAGS = 'odd'", FilterExpressionType.SQL92));
            Harness.same("[number 0, number 2, number 4]",
                new TreeSet<>(texts(receive(byTag, 3))), "what came by tag");
            Harness.same("[number 3, number 5]",
                new TreeSet<>(texts(receive(bySql, 2))), "what came by SQL");
        }
    }

    static void large(String name) throws Exception {
        make(name, "NORMAL");
        try (Clients clients = new Clients()) {
            String body = "a line of text, and many of them; ".repeat(20_000);
            clients.producer(name).send(message(name, body).build());
            SimpleConsumer consumer = clients.simple(name, name, FilterExpression.SUB_ALL);
            Harness.same(body.hashCode(), text(receive(consumer, 1).get(0)).hashCode(), "the body");
        }
    }
}
