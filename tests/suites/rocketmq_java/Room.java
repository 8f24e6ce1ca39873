import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.RPCHook;

/** Clients of one check, each a client of its own; all are shut down at its end. */
final class Room implements AutoCloseable {
    static final int TIMEOUT_MS = 60_000;
    static String nameServer;
    static volatile RPCHook hook; // signs requests; null: nobody has to log in
    private static final AtomicInteger clients = new AtomicInteger();
    private final Deque<Runnable> open = new ArrayDeque<>();

    static RPCHook hookOf(String user, String password) {
        return new AclClientRPCHook(new SessionCredentials(user, password));
    }

    /** Patient: a busy machine is no failure. */
    private <T extends ClientConfig> T ready(T client) {
        client.setMqClientApiTimeout(TIMEOUT_MS);
        client.setNamesrvAddr(nameServer);
        client.setInstanceName("room-" + clients.incrementAndGet());
        return client;
    }

    DefaultMQProducer producer(String group) throws Exception {
        return started(new DefaultMQProducer(group, hook));
    }

    DefaultMQProducer started(DefaultMQProducer producer) throws Exception {
        producer.setSendMsgTimeout(TIMEOUT_MS);
        ready(producer).start();
        open.push(producer::shutdown);
        return producer;
    }

    TransactionMQProducer transactions(String group, TransactionListener listener) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(group, hook);
        producer.setTransactionListener(listener);
        return (TransactionMQProducer) started(producer);
    }

    /** A consumer that is not started yet. */
    DefaultMQPushConsumer consumer(String group) {
        DefaultMQPushConsumer consumer =
            ready(new DefaultMQPushConsumer(group, hook, new AllocateMessageQueueAveragely()));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        open.push(consumer::shutdown);
        return consumer;
    }

    /** A consumer that notes what it gets. */
    Inbox inbox(String group, String topic, String expression) throws Exception {
        return inbox(consumer(group), topic, expression);
    }

    Inbox inbox(DefaultMQPushConsumer consumer, String topic, String expression) throws Exception {
        Inbox inbox = new Inbox(consumer);
        consumer.subscribe(topic, expression);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            inbox.got.addAll(messages);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return inbox;
    }

    @SuppressWarnings("deprecation")
    DefaultMQPullConsumer puller(String group) throws Exception {
        DefaultMQPullConsumer consumer = ready(new DefaultMQPullConsumer(group, hook));
        consumer.start();
        open.push(consumer::shutdown);
        return consumer;
    }

    /** A lite pull consumer that is not started yet. */
    DefaultLitePullConsumer litePuller(String group) {
        DefaultLitePullConsumer consumer = ready(new DefaultLitePullConsumer(group, hook));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        open.push(consumer::shutdown);
        return consumer;
    }

    @Override
    public void close() {
        for (Runnable shutdown : open) {
            try {
                shutdown.run();
            } catch (RuntimeException gone) {
                // It was shut down by the check itself.
            }
        }
    }

    static Message message(String topic, String text) {
        return new Message(topic, text.getBytes());
    }

    static Message message(String topic, String tag, String text) {
        return new Message(topic, tag, text.getBytes());
    }

    static String text(Message message) {
        return new String(message.getBody());
    }

    /** What came, in the order of arrival. */
    static final class Inbox {
        final List<MessageExt> got = new CopyOnWriteArrayList<>();
        final DefaultMQPushConsumer consumer;

        Inbox(DefaultMQPushConsumer consumer) {
            this.consumer = consumer;
        }

        List<String> texts() {
            List<String> texts = new ArrayList<>();
            for (MessageExt message : got) {
                texts.add(text(message));
            }
            return texts;
        }

        /** The one of this text. */
        MessageExt get(String text) {
            return got.get(texts().indexOf(text));
        }

        List<String> sorted() {
            List<String> texts = texts();
            texts.sort(null);
            return texts;
        }

        /** Wait until these are here, and nothing else. */
        void has(String... expected) throws Exception {
            String[] sorted = expected.clone();
            Arrays.sort(sorted);
            Harness.until("these and no others: " + Arrays.toString(expected),
                () -> got.size() >= expected.length, new Object() {
                    @Override
                    public String toString() {
                        return texts().toString();
                    }
                });
            Harness.same(Arrays.toString(sorted), sorted(), "what came");
        }
    }
}
